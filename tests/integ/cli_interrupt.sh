#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A signal ends every verb with one line, also while the target does not answer; perf says what it measured.
. "$(dirname "$0")/lib.sh"
requires jq

start_target --tls none --subsys nqn.test --namespace mem:16M --allow-any-host
target=$pid
at=(-t tcp -a "$A" -s "$S" -n nqn.test)

ended() { # SECONDS: the last begun program ends within that time with exit status 1
	local status=0 until=$((SECONDS + $1 + 1))
	while kill -0 "$begun" 2>/dev/null; do
		[ $SECONDS -lt $until ] || fail "still there after $1 s: $(cat err)"
		sleep 0.05
	done
	wait "$begun" || status=$?
	[ $status = 1 ] || fail "exit $status, not 1: $(cat err)"
}

begin() {
	"${AS_USER[@]}" "$@" >out 2>err </dev/null &
	begun=$!
	PIDS+=("$begun")
	# it catches SIGINT and SIGTERM: from here on it must not matter where it stands
	wait_for grep -q '^SigCgt:.*[4-7c-f]..[2367abef]$' "/proc/$begun/status"
}

running=0
loads() { # perf has its I/O queue
	running=$((running + 1))
	wait_for sh -c "[ \$(grep -c 'qid 1 connected' $log) = $running ]"
	sleep 0.5
}

one_line() {
	[ "$(wc -l <err)" = 1 ] || fail "not one line: $(cat err)"
	stderr_has "nvmetls: $1: interrupted by a signal"
}

# perf, while it runs: results as far as they go
begin nvmetls perf "${at[@]}" --rw randwrite --iodepth 8 --runtime 60 --verify
loads
kill -INT $begun
ended 5
one_line perf
stdout_has 'write: IOPS='
stdout_has 'not checked: interrupted'
! grep -q FAILED out || fail "nothing was wrong: $(cat out)"

begin nvmetls perf "${at[@]}" --rw randread --iodepth 8 --runtime 60 -o json
loads
kill -TERM $begun
ended 5
one_line perf
[ "$(jq '.interrupted and .error.cause == "interrupted" and .error.errno == "EINTR" and .total.read.total_ios > 0' out)" = true ] ||
	fail "$(cat out)"

# perf, while nothing answers: one signal and a short wait, or two
begin nvmetls perf "${at[@]}" --rw randread --iodepth 8 --runtime 60 -k 0
loads
kill -STOP $target
sleep 0.3
kill -TERM $begun
ended 6
one_line perf
grep -Eq '[1-8] I/Os had no answer yet' err || fail "$(cat err)"
stdout_has 'read : IOPS='
kill -CONT $target

begin nvmetls perf "${at[@]}" --rw randread --iodepth 8 --runtime 60 -k 0
loads
kill -STOP $target
sleep 0.3
kill -TERM $begun
sleep 0.2
kill -INT $begun
ended 1
one_line perf

# all verbs, while connecting: the stopped target's kernel accepts and nobody answers
format=normal
for verb in discover id-ctrl id-ns list-ns show-regs 'read -c 0 -d data' 'write -c 0' flush \
	'write-zeroes -c 0' 'dsm --ad --slbs 0 --blocks 1' 'perf --rw read'; do
	read -r -a words <<<"$verb"
	begin nvmetls "${words[0]}" "${at[@]}" "${words[@]:1}" -o $format
	sleep 0.2
	kill -TERM $begun
	ended 1
	one_line "${words[0]}"
	if [ $format = json ]; then
		[ "$(jq -r ".error | .cause, .errno" out | xargs)" = "interrupted EINTR" ] || fail "$verb: $(cat out)"
		format=normal
	else
		[ ! -s out ] || fail "$verb: $(cat out)"
		format=json
	fi
done
kill -CONT $target

# a connection that is lost is no wrong data either
begin nvmetls perf "${at[@]}" --rw randwrite --iodepth 8 --runtime 60 --verify -o json
loads
kill_hard $target
ended 5
[ "$(wc -l <err)" = 1 ] || fail "not one line: $(cat err)"
[ "$(jq '.error.cause != "interrupted" and (.interrupted | not) and .verify == "not-checked"' out)" = true ] ||
	fail "$(cat out)"
