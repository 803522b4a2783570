#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# read, write and the others: what they say when they are done, and what each failure says to do next.
. "$(dirname "$0")/lib.sh"
requires jq

start_target --tls none --subsys nqn.test --namespace mem:1M --allow-any-host
at=(-t tcp -a "$A" -s "$S" -n nqn.test)
json() { # FILTER: true of what was printed
	[ "$(jq "$1" out)" = true ] || fail "$1: $(cat out)"
}

head -c 4096 /dev/urandom >data
[ "$(id -u)" != 0 ] || chown $ORDINARY data
passes nvmetls write "${at[@]}" -c 7 -d data -o json
json '.nsid == 1 and .start_block == 0 and .blocks == 8 and .bytes == 4096 and .result == "write: Success"'
passes nvmetls read "${at[@]}" -c 7 -d back -o json
json '.nsid == 1 and .start_block == 0 and .blocks == 8 and .bytes == 4096'
cmp data back
passes nvmetls write-zeroes "${at[@]}" --start-block 16 -c 15 -o json
json '.start_block == 16 and .blocks == 16'
passes nvmetls dsm "${at[@]}" --ad --slbs 0,100 --blocks 1,2 -o json
json '.blocks == 3 and (has("start_block") | not)'
passes nvmetls flush "${at[@]}" -o json
json '.result == "NVMe Flush: success" and (has("blocks") | not)'

# sizes with a suffix
passes nvmetls read "${at[@]}" -z 4k -d back4k
[ "$(stat -c %s back4k)" = 4096 ] || fail 'not 4k'

says() { # STATUS TEXT... -- COMMAND: exits with it, in one line that has all of TEXT
	local want=$1 texts=()
	shift
	while [ "$1" != -- ]; do
		texts+=("$1")
		shift
	done
	shift
	fails "$want" "$@"
	[ "$(wc -l <err)" = 1 ] || fail "not one line: $* : $(cat err)"
	for t in "${texts[@]}"; do
		stderr_has "$t"
	done
}
for verb in 'read -c 0' 'write -c 0' 'write-zeroes -c 0' 'dsm --ad --slbs 0 --blocks 1' flush id-ns 'perf --rw read'; do
	read -r -a words <<<"$verb"
	[ "$verb" = flush ] || says 2 'out of range (1 to 4294967294)' -- nvmetls "${words[@]}" "${at[@]}" -N 0xffffffff
	says 1 'there is no namespace 7' 'there are 1' -- nvmetls "${words[@]}" "${at[@]}" -N 7
done
passes nvmetls flush "${at[@]}" -N 0xffffffff
says 1 'LBA Out of Range' 'namespace 1 has blocks 0 to 2047 of 512 bytes' -- nvmetls read "${at[@]}" --start-block 2048 -c 0
says 1 'LBA Out of Range' '0 to 2047' -- nvmetls write-zeroes "${at[@]}" --start-block 2040 -c 15
says 1 'LBA Out of Range' '0 to 2047' -- nvmetls dsm "${at[@]}" --ad --slbs 2040 --blocks 15
# a host that goes is one line: nothing is stopping
log_has 'cntlid 1 qid 0 disconnected'
log_lacks 'is stopping'
log_lacks 'qid 1 disconnected'

# no range: the first block must not be what is meant
says 2 '--block-count is missing' -- nvmetls write-zeroes "${at[@]}"
says 2 'one of each' -- nvmetls dsm "${at[@]}" --ad
passes nvmetls read "${at[@]}" -c 7 -d back2
cmp <(tail -c +513 back2) <(tail -c +513 data)
# AddressSanitizer itself needs more addresses than the limit leaves
sh -c 'ulimit -v 1000000 && exec nvmetls --version' >version 2>&1 || true
if ! grep -q Sanitizer version; then
	says 1 'no memory for' 'lower --numjobs' -- sh -c "ulimit -v 1000000 && exec nvmetls perf ${at[*]} --rw read --bs 1M --iodepth 1023"
fi
stop
