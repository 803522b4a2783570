#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Connections are killed at random under the kernel's host while fio verifies on our target.
# shellcheck source-path=SCRIPTDIR source=../guest/words.sh
. /lab/guest/words.sh

truncate -s 64M /run/image
tlshd_on
both_keys
our_target --tls required --subsys $NQN --namespace /run/image --allow-any-host
connect -i 2 --reconnect-delay=1 --ctrl-loss-tmo=120
fio --name=v --filename="$DEV" --direct=1 --rw=randrw --bsrange=4k-256k --size=32M --iodepth=8 --ioengine=libaio \
	--time_based --runtime="${SECONDS_LONG:-600}" --verify=crc32c --verify_fatal=1 --verify_state_save=0 \
	>/run/fio.out 2>&1 &
fio=$!
kills=0
while kill -0 $fio 2>/dev/null; do
	sleep $((RANDOM % 8 + 3))
	port=$(ss -Htn "sport = :$S" | awk '{ print $4 ":" $5 }' | awk -F: '{ print $4 }' | shuf -n 1)
	[ -n "$port" ] || continue
	ss -K "dst = 127.0.0.1 and sport = :$S and dport = :$port" >/dev/null
	kills=$((kills + 1))
done
status=0
wait $fio || status=$?
tail -n 12 /run/fio.out
say "$kills connections killed, $(dmesg | grep -c 'Successfully reconnected') reconnects"
[ $status = 0 ] || fail "fio ended with $status"
[ $kills -gt 5 ] || fail 'nothing was killed'
kill -0 "$TARGET" || fail 'our target is gone'
run nvme disconnect -n $NQN
