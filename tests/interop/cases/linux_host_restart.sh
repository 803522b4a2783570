#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Our target goes away and comes back while the kernel's host verifies: it reconnects, fio sees no error.
# shellcheck source-path=SCRIPTDIR source=../guest/words.sh
. /lab/guest/words.sh

truncate -s 32M /run/image
if [ "$TLS" != none ]; then
	tlshd_on
	both_keys
fi
target() { our_target --tls "$TLS" --subsys $NQN --namespace /run/image --allow-any-host; }
target
connect -i 2 --reconnect-delay=1 --ctrl-loss-tmo=60 --keep-alive-tmo=5
fio --name=v --filename="$DEV" --direct=1 --rw=randrw --bsrange=4k-64k --size=16M --iodepth=8 --ioengine=libaio \
	--time_based --runtime="${SECONDS_LONG:-25}" --verify=crc32c --verify_fatal=1 --verify_state_save=0 \
	--do_verify=1 >/run/fio.out 2>&1 &
fio=$!
for how in TERM KILL; do
	sleep 5
	say "the target ends by SIG$how"
	kill -$how "$TARGET"
	wait "$TARGET" || true
	sleep 2
	target
	soon grep -q live /sys/class/nvme/nvme*/state || fail 'the host did not reconnect'
done
status=0
wait $fio || status=$?
tail -n 12 /run/fio.out
[ $status = 0 ] || fail "fio ended with $status"
grep -q 'err= 0' /run/fio.out || fail 'fio saw an error'
dmesg | grep -i 'reconnect' | head -n 4
dmesg | grep -q 'Successfully reconnected' || fail 'the kernel did not tell of a reconnect'
run nvme disconnect -n $NQN
