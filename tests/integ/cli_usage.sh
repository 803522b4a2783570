#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What is not understood exits 2 with one clear line; what fails exits 1 with one line.
. "$(dirname "$0")/lib.sh"

at=(-t tcp -a 127.0.0.1 -s 4420 -n nqn.test)
misuse() { # TEXT COMMAND: exit 2, TEXT in the one line, the same in JSON
	local text=$1
	shift
	fails 2 "$@"
	stderr_has "$text"
	[ "$(wc -l <err)" = 1 ] || fail "not one line: $*"
	[ ! -s out ] || fail "standard output: $*"
	[ $# -gt 1 ] || return 0
	case " $* " in *' -o '* | *' help '*) return ;; esac
	fails 2 "$1" "${@:2:1}" -o json "${@:3}"
	[ "$(wc -l <err)" = 1 ] || fail "not one line: $*"
	jq -er '.error | select(.cause == "usage" and (.hint | startswith("see nvmetls help"))) | .message' out >message ||
		fail "$* -o json: $(cat out)"
	has message "$text"
}
requires jq
misuse 'no verb' nvmetls
misuse '"frobnicate" is not a verb' nvmetls frobnicate
misuse '"frobnicate" is not a verb' nvmetls help frobnicate
NVMETLS_LOOP=bogus misuse 'NVMETLS_LOOP=bogus: wants uring or epoll' nvmetls discover "${at[@]}"
NVMETLS_CRYPTO=bogus misuse 'NVMETLS_CRYPTO=bogus: wants ipsec-mb or evp' nvmetls version
misuse '--bogus is not an option' nvmetls discover --bogus
misuse '-x is not an option' nvmetls id-ctrl -x
misuse '--transport is missing' nvmetls discover -a 127.0.0.1
misuse 'only tcp' nvmetls discover -t rdma -a 127.0.0.1
misuse '--traddr is missing' nvmetls discover -t tcp
misuse '--nqn is missing' nvmetls id-ctrl -t tcp -a 127.0.0.1
misuse '--trsvcid' nvmetls discover -t tcp -a 127.0.0.1 -s 70000
misuse '--trsvcid' nvmetls discover -t tcp -a 127.0.0.1 -s nvme
misuse 'no device files' nvmetls id-ctrl /dev/nvme0
misuse '"stray" is not an option' nvmetls id-ctrl "${at[@]}" stray
misuse 'needs a value' nvmetls id-ctrl "${at[@]}" --hostnqn
misuse 'takes no value' nvmetls id-ctrl "${at[@]}" --tls=yes
misuse 'not a UUID' nvmetls id-ctrl "${at[@]}" -I 12345
misuse 'not a format' nvmetls id-ctrl "${at[@]}" -o xml
misuse 'out of range' nvmetls id-ctrl "${at[@]}" -k 100000
misuse 'out of range' nvmetls id-ctrl "${at[@]}" -Q 8
misuse 'is not a number' nvmetls id-ns "${at[@]}" -N one
fails 2 nvmetls id-ns "${at[@]}" -N $'\033[31mx\ny'
stderr_has '"?[31mx?y" is not a number'
[ "$(wc -l <err)" = 1 ] || fail "not one line: $(cat err)"
misuse 'out of range' nvmetls id-ns "${at[@]}" -N 0
misuse 'out of range' nvmetls id-ns "${at[@]}" -N 99999999999999999999
misuse 'out of range' nvmetls id-ns "${at[@]}" -N -1
misuse 'out of range' nvmetls perf "${at[@]}" --rw read --size 99999999999T
misuse 'is not a number' nvmetls id-ns "${at[@]}" -N 99999999999999999999x
misuse 'is not a number' nvmetls id-ns "${at[@]}" -N -x
misuse 'out of range' nvmetls write-zeroes "${at[@]}" -c 65536
misuse '--data-size or --block-count' nvmetls read "${at[@]}"
fails 2 nvmetls read "${at[@]}" -c 0 -o json
stderr_has '-d FILE'
[ "$(jq -r .error.cause out)" = usage ] || fail "$(cat out)"
misuse '--ad is missing' nvmetls dsm "${at[@]}" --slbs 0 --blocks 1
misuse 'one of each' nvmetls dsm "${at[@]}" --ad --slbs 0,1 --blocks 1
misuse 'comma separated' nvmetls dsm "${at[@]}" --ad --slbs 0,,1 --blocks 1,1
misuse '--rw is missing' nvmetls perf "${at[@]}"
misuse 'not a kind of load' nvmetls perf "${at[@]}" --rw sideways
misuse 'writes nothing' nvmetls perf "${at[@]}" --rw randread --verify
misuse 'is not a size' nvmetls perf "${at[@]}" --rw read --bs 4q
misuse 'out of range' nvmetls perf "${at[@]}" --rw read --bs 100
misuse 'not a list of CPUs' nvmetls perf "${at[@]}" --rw read --cpus 1-
misuse 'less than --bs' nvmetls perf "${at[@]}" --rw read --bs 8k --size 4k
misuse '--subsysnqn is missing' nvmetls check-tls-key -d NVMeTLSkey-1:01:x:
misuse 'there is no kernel keyring' nvmetls gen-tls-key -k .nvme
misuse 'not hexadecimal' nvmetls gen-tls-key -s zz
misuse 'takes 32' nvmetls gen-tls-key -s 0011
misuse 'out of range' nvmetls gen-tls-key -m 3
misuse 'needs --subsysnqn' nvmetls gen-tls-key -i
misuse 'a key stands where' nvmetls check-tls-key -c nqn.test NVMeTLSkey-1:01:x:
! grep -q NVMeTLSkey err || fail 'what may be a key was printed'

# NQNs: form, length, characters
long=nqn.2024-01.com.example:$(printf 'x%.0s' {1..210})
for nqn in '' test nqn 'nqn.a b' $'nqn.a\tb' $'nqn.\033[31m' "$long" "nqn.$(printf '\303\244')"; do
	misuse 'not an NQN' nvmetls id-ctrl -t tcp -a 127.0.0.1 -n "$nqn"
	misuse 'not an NQN' nvmetls id-ctrl "${at[@]}" -q "$nqn"
	misuse 'not an NQN' nvmetls check-tls-key -c "$nqn" -d NVMeTLSkey-1:01:x:
	! grep -q $'\033' err || fail 'an escape sequence was printed'
done

failure() { # CAUSE COMMAND: exit 1, one line, the cause in JSON
	local cause=$1
	shift
	fails 1 "$@"
	[ "$(wc -l <err)" = 1 ] || fail "not one line: $* : $(cat err)"
	[ ! -s out ] || fail "standard output: $*"
	fails 1 "$@" -o json
	[ "$(jq -r .error.cause out)" = "$cause" ] || fail "cause $(cat out)"
}
# a port that was free a moment ago
port=$(as_user sh -c 'exec nvmetls-target --listen 127.0.0.1:0 --addr-file p --tls none --subsys nqn.test --namespace mem:1M \
	--allow-any-host 2>/dev/null & pid=$!; n=0; until [ -s p ] || [ $n = 100 ]; do sleep 0.05; n=$((n+1)); done; cat p; kill $pid; wait $pid')
failure connection-refused nvmetls discover -t tcp -a 127.0.0.1 -s "${port##*:}"
failure connection-refused nvmetls discover -t tcp -a '[::1]' -s "${port##*:}"
stderr_has "[::1]:${port##*:}: nobody listens"
failure connection-refused nvmetls perf -t tcp -a 127.0.0.1 -s "${port##*:}" -n nqn.test --rw randread
failure address-invalid nvmetls discover -t tcp -a 300.1.1.1 -s 4420
failure os-error nvmetls discover "${at[@]}" --keylog /nonexistent/log
stderr_has 'discover: key log /nonexistent/log: No such file'
failure psk-missing nvmetls id-ctrl "${at[@]}" --tls
fails 1 nvmetls id-ctrl "${at[@]}" --tls-key NVMeTLSkey-1:01:AAAA:
[ "$(wc -l <err)" = 1 ] || fail "$(cat err)"

passes nvmetls --version
stdout_has 'crypto: '
stdout_has 'loop: '
passes nvmetls version
passes nvmetls --help
for words in help --help version 'discover --help' 'perf -h' gen-tls-key; do
	fails 1 sh -c "nvmetls $words >/dev/full"
	stderr_has 'standard output: No space left on device'
	[ "$(wc -l <err)" = 1 ] || fail "not one line: $(cat err)"
done
