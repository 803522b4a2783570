#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The agent puts the keys of our key store into the kernel's keyring: the kernel's host and target use them. A key that
# leaves the store leaves the keyring; one that nvme-cli has inserted stays.
# shellcheck source-path=SCRIPTDIR source=../guest/words.sh
. /lab/guest/words.sh

linux_target
agent_on --keystore /run/keys
refused nvme connect -t tcp -a 127.0.0.1 -s 4421 -n $NQN --tls
say 'a key comes into the store'
our_key $NQN
soon grep -q "psk.*NVMe${IDENTITY}R.* $NQN" /proc/keys || fail 'it is not in the keyring'
S=4421
connect -i 1
run nvme disconnect -n $NQN
ours=$(grep -o "psk *NVMe.* $NQN.*" /proc/keys)
run keyctl show %:.nvme

say 'a key that nvme-cli has inserted stays; the one that leaves the store goes'
linux_key nqn.other
rm /run/keys/*.key
soon bash -c "! grep -q ' $NQN' /proc/keys" || fail 'it is still in the keyring'
grep -q 'nqn.other' /proc/keys || fail 'the other one has gone, too'
refused nvme connect -t tcp -a 127.0.0.1 -s 4421 -n $NQN --tls
say 'the same key by nvme-cli has the same identity'
linux_key $NQN
[ "$(grep -o "psk *NVMe.* $NQN.*" /proc/keys)" = "$ours" ] || fail "not the same: $ours"
agent_idle
