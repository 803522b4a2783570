#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# CYCLES times connect and disconnect of the kernel's host and target: no descriptor, key, keyring or zombie stays.
# shellcheck source-path=SCRIPTDIR source=../guest/words.sh
. /lab/guest/words.sh

: "${CYCLES:=20}"
linux_target
tlshd_on
linux_key $NQN
pid=$(cat /run/tlshd.pid)
cycle() {
	nvme connect -t tcp -a 127.0.0.1 -s 4421 -n $NQN --tls -i 1 >/run/out 2>&1 || fail "$(cat /run/out)"
	nvme disconnect -n $NQN >/run/out 2>&1 || fail "$(cat /run/out)"
}
left() {
	printf '%s descriptors, %s keys, %s of .nvme\n' "$(find "/proc/$pid/fd" | wc -l)" \
		"$(grep -c -e psk -e keyring /proc/keys)" "$(keyctl rlist %:.nvme | wc -w)"
}
cycle
before=$(left)
say "after one: $before"
for ((i = 0; i < CYCLES; i++)); do cycle; done
say "after $CYCLES more: $(left)"
[ "$(left)" = "$before" ] || fail "not $before"
agent_idle
says "sessions          $((4 * (CYCLES + 1)))"
says_not failed
