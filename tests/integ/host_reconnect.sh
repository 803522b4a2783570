#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# perf --verify survives its target: killed and started again, stopped for a while; and what it is told when not.
. "$(dirname "$0")/lib.sh"
: "${ROUNDS:=5}" # how often the target is killed; 50 in a long run

make_key
as_user truncate -s 64M disk.img
disk=(--tls required --subsys nqn.test --allow-any-host --namespace "$W/disk.img")
start_target "${disk[@]}"
target=$pid target_log=$log
again() {
	start_again "${disk[@]}"
	target=$pid target_log=$log
}
at=(-t tcp -a "$A" -s "$S" -n nqn.test --tls -q "$HOSTNQN" --keep-alive-tmo 2)
connects() { grep -c 'qid 2 .* connected$' "$target_log" || true; }
more() { [ "$(connects)" -gt "$1" ]; }
load() { # OPTIONS: a load in the background, which is connected
	local before
	before=$(connects)
	start nvmetls perf "${at[@]}" --rw randrw --verify --bs 16k --iodepth 16 --numjobs 2 --fsync 50 "$@"
	perf=$pid perf_out=$log.out perf_err=$log
	wait_for more "$before"
}
survives() {
	wait "$perf" || fail "perf --verify did not survive: $(cat "$perf_out" "$perf_err")"
	grep -q 'good' "$perf_out" || fail "not verified: $(cat "$perf_out")"
}
refused() { # TEXT
	! wait "$perf" || fail 'perf ended well'
	log_has "$1" "$perf_err"
}

# --- killed and started again, at once and after a while
load --reconnect-delay 1 --runtime $((ROUNDS + 1))
for i in $(seq "$ROUNDS"); do
	sleep 0.5
	kill_hard "$target"
	[ $((i % 2)) = 0 ] || sleep 0.3
	again
done
survives

# --- it accepts and never answers: keep-alive notices, and nothing is sent anew before it may be
load --reconnect-delay 1 --runtime 6
kill -STOP "$target"
sleep 4
kill -CONT "$target"
survives

# --- gone for good
load --reconnect-delay 1 --runtime 30 --ctrl-loss-tmo 3
kill_hard "$target"
refused 'nobody listens at that address'

# --- without --reconnect-delay a lost connection is an error
again
load --runtime 30
kill_hard "$target"
refused 'the peer'

# --- it is back, and refuses this host for good
again
load --reconnect-delay 1 --runtime 30
kill_hard "$target"
start_again --tls required --subsys nqn.test --host nqn.another --namespace "$W/disk.img"
refused 'final'
