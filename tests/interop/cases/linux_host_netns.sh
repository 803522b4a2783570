#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A host of the kernel in another network namespace: one agent serves that and its own.
# shellcheck source-path=SCRIPTDIR source=../guest/words.sh
. /lab/guest/words.sh

ip netns del lab 2>/dev/null || true
run ip netns add lab
run ip netns exec lab ip link set lo up
refused nvmetls-tlshd --netns no-such-one --socket /run/other.sock
says 'no-such-one'
agent_on --keystore none --netns lab --netns /proc/self/ns/net
both_keys
at=(-t tcp -a 127.0.0.1 -s "$S" -n "$NQN")
for where in lab init; do
	say "in $where"
	enter=()
	[ $where = init ] || enter=(ip netns exec lab)
	"${enter[@]}" nvmetls-target --listen 127.0.0.1:$S --tls required --subsys $NQN --namespace mem:16M \
		--allow-any-host >>$LOG 2>&1 </dev/null &
	TARGET=$!
	soon "${enter[@]}" nvmetls id-ctrl "${at[@]}" -q $HOSTNQN --tls || fail 'our target does not answer'
	run "${enter[@]}" nvme connect "${at[@]}" --tls -i 1
	device
	run dd if="$DEV" of=/dev/null bs=64k count=16 iflag=direct
	run nvme disconnect -n $NQN
	our_target_off || fail 'our target did not stop'
done
agent_idle
says 'sessions          4'
tlshd_off
ip netns del lab
