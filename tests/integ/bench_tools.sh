#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What bench/ is made of does its work: the limit probe, the storm of connects, a short run with a report and a plot.
. "$(dirname "$0")/lib.sh"
requires jq
requires python3
for p in probe storm; do
	cp "$BUILD/bench/$p" "bench-$p"
	chmod 755 "bench-$p"
done

for tls in none aes128 aes256; do
	for mode in 'rr --qd 1' 'rr --qd 128' stream; do
		# shellcheck disable=SC2086
		passes ./bench-probe --mode $mode --tls $tls --seconds 0.1
		jq -e ".tls == \"$tls\" and .iops > 0 and .mib_s > 0 and .target_cpu_us > 0" out >jq.out ||
			fail "probe $mode $tls: $(cat out)"
	done
done
fails 2 ./bench-probe --mode sideways

make_key
start_target --tls required --subsys nqn.test --namespace mem:16M --allow-any-host --log-level warn
passes ./bench-storm --tls --connects 20 --threads 4 --io-queues 1 "$A" "$S" nqn.test "$HOSTNQN"
jq -e '.connects == 20 and .failed == 0 and .group == "x25519" and .p50_ms > 0' out >jq.out ||
	fail "storm: $(cat out)"
passes ./bench-storm --tls --connects 3 --hold 0.1 "$A" "$S" nqn.test "$HOSTNQN"
stdout_has up
fails 1 ./bench-storm --tls --connects 2 "$A" "$S" nqn.test nqn.other
stderr_has nqn.other
stop

as_user test -r "$SRC/bench/run" -a -x "$BUILD/nvmetls" || skip 'the rest: the sources are out of reach'
passes "$SRC/bench/run" "$BUILD" --rows '^nvmetls aes128$' --works '4k randread QD1$' --rounds 1 --seconds 1 \
	--size 16 --quiet 1000 --json report.json
stdout_has '| nvmetls aes128 |'
jq -e '.rows[0].metrics | .iops.median > 0 and .target_syscalls.median > 0' report.json >jq.out ||
	fail "run: $(cat report.json)"
passes "$SRC/bench/plot" report.json '4k randread QD1'
stdout_has '>nvmetls aes128</text>'
