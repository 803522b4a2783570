#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Several I/O queues on several threads; connections come and go under load; an orderly stop.
. "$(dirname "$0")/lib.sh"

make_key
start_target --threads 3 --tls required --subsys nqn.test --namespace mem:64M --allow-any-host
at=(-t tcp -a "$A" -s "$S" -n nqn.test -q "$HOSTNQN" --tls)
passes nvmetls perf "${at[@]}" --rw randrw --bs 4k --iodepth 16 --numjobs 4 --size 16M --runtime 3 --verify
target=$pid

start nvmetls perf "${at[@]}" --rw randrw --bs 8k --iodepth 8 --numjobs 2 --size 16M --runtime 4 --verify
load=$pid
for _ in 1 2 3 4 5 6 7 8 9 10; do
	passes nvmetls id-ctrl "${at[@]}"
done
wait "$load" || fail 'the load saw an error'

# a target that goes away: the host says so and ends
start nvmetls perf "${at[@]}" --rw randread --bs 4k --iodepth 8 --size 16M --runtime 60
load=$pid load_log=$log
sleep 1
pid=$target
stop "$target"
status=0
wait "$load" || status=$?
[ $status = 1 ] || fail "perf ended with $status after the target had gone"
[ "$(grep -c '^nvmetls: ' "$load_log")" = 1 ] || fail "not one line: $(cat "$load_log")"
