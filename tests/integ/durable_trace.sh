#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What the target asks of the kernel: no Flush or FUA is answered before fdatasync or a write with RWF_DSYNC has returned.
. "$(dirname "$0")/lib.sh"
requires strace
export NVMETLS_LOOP=epoll # what goes through io_uring is no system call of its own

as_user truncate -s 16M disk.img
as_user sh -c 'head -c 4096 /dev/urandom >data'
# -D: the target is our child, not strace's. The kernel takes its time, so that a hasty answer is seen.
slow=(-e inject=fdatasync:delay_exit=20000 -e inject=pwritev2:delay_exit=5000)
as_user strace -f true 2>/dev/null || skip 'this user may not trace'
# LeakSanitizer cannot work in a traced process: what leaks is for the other tests to find
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0"
start strace -D -f -qq -e trace=fdatasync,pwritev2,sendto,sendmsg "${slow[@]}" -o "$W/trace" nvmetls-target \
	--listen 127.0.0.1:0 --addr-file "$W/addr" --tls none --subsys nqn.test --allow-any-host --namespace "$W/disk.img"
wait_for test -s addr
S=$(cat addr)
A=${S%:*}
S=${S##*:}
at=(-t tcp -a "$A" -s "$S" -n nqn.test -q "$HOSTNQN")

# The trace as letters, in the order in which the calls return: a Write, a Durable write, a Flush, and an
# answer (24 bytes, on the connection of the I/O queue).
letters() { # TRACE
	awk '{ resumed = /resumed>/; done = /\) += [0-9]+/ && !/unfinished/ }
		/pwritev2/ && !resumed { durable[$1] = /RWF_DSYNC/ }
		/pwritev2/ && done { text = text (durable[$1] ? "D" : "W"); seen = 1 }
		/fdatasync/ && done { text = text "F"; seen = 1 }
		/sendto\(/ && / = 24$/ {
			split($2, part, /[(,]/)
			if (seen && fd == "") fd = part[2]
			if (part[2] == fd) text = text "a"
		}
		END { print text }' "$1"
}
good() { # TRACE PATTERN
	letters "$1" >seen
	grep -qxE "$2" seen
}

passes nvmetls perf "${at[@]}" --rw write --bs 4k --fsync 1 --size 40k
cp trace flushes
good flushes '(WaFa){9,10}(Wa)?' || fail "writes and flushes: $(cat seen)"
passes nvmetls write "${at[@]}" --start-block 0 --block-count 7 --data-size 4096 --data data --force-unit-access
tail -n +$(($(wc -l <flushes) + 1)) trace >fua
good fua 'Da' || fail "a write with FUA: $(cat seen)"

# what would be seen of a target that does nothing for a flush, or writes without RWF_DSYNC, or answers first
grep -v fdatasync flushes >bad
! good bad '(WaFa){9,10}(Wa)?' || fail 'a flush that does nothing passes'
sed 's/RWF_DSYNC/0/' fua >bad
! good bad 'Da' || fail 'FUA that is not passed on passes'
awk '/pwritev2/ { held = $0; next } { print } held != "" && / = 24$/ { print held; held = "" }' fua >bad
! good bad 'Da' || fail 'an early answer passes'
stop
