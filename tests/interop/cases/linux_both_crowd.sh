#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# 64 handshakes at once: 32 hosts of the kernel connect to its target at the same moment, and the agent shakes hands for
# both ends. Every request that the kernel hands over ends as a session; nothing is left behind.
# shellcheck source-path=SCRIPTDIR source=../guest/words.sh
. /lab/guest/words.sh

linux_target
tlshd_on
linux_key $NQN
crowd() {
	local pids=() p failed=0
	for ((i = 0; i < 32; i++)); do
		nvme connect -t tcp -a 127.0.0.1 -s 4421 -n $NQN --tls -i 1 -D >"/run/connect.$i" 2>&1 &
		pids+=($!)
	done
	for p in "${pids[@]}"; do wait "$p" || failed=$((failed + 1)); done
	[ $failed = 0 ] || { dmesg | tail -n 30; cat /run/connect.*; fail "$failed of 32 did not connect"; }
}
say '32 hosts at once, each with an admin and an I/O queue'
crowd
run nvmetls-tlshd --status
says 'sessions          128' # 32 hosts, two queues, two ends
says_not 'failed'
says 'too late          0'
run nvme disconnect -n $NQN
says 'disconnected 32'
agent_idle
