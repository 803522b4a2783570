#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# As root, with two network namespaces and a cable: it is pulled and put back under perf --verify.

if [ "$(id -u)" = 0 ] && [ -z "${LINK_NAMESPACE-}" ] && unshare -nm true 2>/dev/null; then
	LINK_NAMESPACE=1 exec unshare -nm --propagation private bash "$0" "$@"
fi
. "$(dirname "$0")/lib.sh"
[ -n "${LINK_NAMESPACE-}" ] || skip 'needs root, and network namespaces'
requires ip
: "${ROUNDS:=2}" # how often the cable is pulled; 50 in a long run

# The target's end is in a namespace of its own, held by a process that sleeps.
unshare -n sleep 1000 &
holder=$!
PIDS+=("$holder")
moved() { [ "$(readlink "/proc/$holder/ns/net")" != "$(readlink /proc/self/ns/net)" ]; }
wait_for moved
ip link add host0 type veth peer name target0 2>/dev/null || skip 'no veth here'
ip link set target0 netns "$holder"
ip addr add 192.0.2.1/24 dev host0
ip link set host0 up
nsenter -t "$holder" -n ip addr add 192.0.2.2/24 dev target0
nsenter -t "$holder" -n ip link set target0 up
carrier() { ip -o link show host0 | grep -q LOWER_UP; }
wait_for carrier

make_key
as_user truncate -s 64M disk.img
host_user=("${AS_USER[@]}")
AS_USER=(nsenter -t "$holder" -n "${host_user[@]}")
start nvmetls-target --listen 192.0.2.2:4420 --tls required --subsys nqn.test --allow-any-host --namespace "$W/disk.img"
target_log=$log
AS_USER=("${host_user[@]}")
log_has listening "$target_log"
at=(-t tcp -a 192.0.2.2 -s 4420 -n nqn.test --tls -q "$HOSTNQN" --keep-alive-tmo 1)

# --- away for a moment: nothing but a pause; away for longer: both ends give the other one up
start nvmetls perf "${at[@]}" --rw randrw --verify --bs 16k --iodepth 16 --numjobs 2 --fsync 50 --reconnect-delay 1 \
	--runtime $((ROUNDS * 12)) -o json
perf=$pid perf_out=$log.out perf_log=$log
for i in $(seq "$ROUNDS"); do
	sleep 1
	ip link set host0 down
	sleep 0.3
	ip link set host0 up
	sleep 1
	ip link set host0 down
	# the target hears that it is left when the cable is back; or only its keep-alive tells, later
	sleep $((i % 2 ? 3 : 5))
	ip link set host0 up
	wait_for_lives() { [ "$(grep -c 'qid 2 TLS connected' "$target_log")" -gt "$i" ]; }
	WAIT_S=15 wait_for wait_for_lives
done
wait "$perf" || fail "perf --verify did not survive: $(cat "$perf_out" "$perf_log")"
has "$perf_out" '"verify":"good"'
say "longest I/O: $(grep -o '"max":[0-9]*' "$perf_out" | cut -d: -f2 | sort -n | tail -1) ns"
