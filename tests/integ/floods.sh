#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# 10,000 connections in a row and a flood of half-open ones leave the target serving, and leak nothing.
. "$(dirname "$0")/lib.sh"

make_key
start_target --tls required --max-half-open 40 --max-half-open-per-addr 30 --handshake-timeout-ms 4000 \
	--subsys nqn.test --namespace mem:16M --allow-any-host
at=(-t tcp -a "$A" -s "$S" -n nqn.test -q "$HOSTNQN" --tls)
passes nvmetls id-ctrl "${at[@]}"
fds() { find "/proc/$pid/fd" -mindepth 1 | wc -l; }
before=$(fds)

# a host that works all the time notices nothing of it
target=$pid target_log=$log
start nvmetls perf "${at[@]}" --rw randrw --bs 4k --iodepth 8 --size 8M --runtime 6 --verify
perf=$pid perf_log=$log
pid=$target log=$target_log
log_has 'qid 1'
passes tcp-probe "$A" "$S" row 10000
for hex in 160301ffff 1603010005 04 "$(head -c 200 /dev/urandom | od -An -v -tx1 | tr -d ' \n')"; do
	passes tcp-probe "$A" "$S" send "$hex" 1
done
passes nvmetls id-ctrl "${at[@]}"
# anybody can cause a line: not more than some a second, and then how many there were
sleep 1
passes tcp-probe "$A" "$S" row 1
log_has 'more failed connections were left out of the log'
[ "$(wc -l <"$log")" -lt 1000 ] || fail "$(wc -l <"$log") lines in the log"

passes tcp-probe "$A" "$S" hold 200 2
[ "$(cat out)" -le 30 ] || fail "$(cat out) half-open connections, 30 are allowed"
[ "$(cat out)" -ge 1 ] || fail 'none was let in'
log_has 'too many unfinished connections'
wait "$perf" || fail "the host that worked all the time: $(tail -n 3 "$perf_log")"
has "$perf_log.out" 'all good'
same() { [ "$(fds)" -le "$before" ]; }
wait_for same
passes nvmetls perf "${at[@]}" --rw randrw --bs 4k --iodepth 8 --size 4M --runtime 1 --verify
stop
