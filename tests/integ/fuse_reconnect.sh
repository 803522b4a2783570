#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A device that survives its target: killed under a copy, given up after --ctrl-loss-tmo, another disk when it is back.
. "$(dirname "$0")/fuse_lib.sh"
: "${ROUNDS:=5}" # how often the target is killed; 50 in a long run

make_key
as_user truncate -s 256M disk.img
as_user sh -c 'head -c 200000001 /dev/urandom >data'
disk=(--tls required --subsys nqn.test --allow-any-host --namespace "$W/disk.img" --namespace mem:8M)
start_target "${disk[@]}"
target=$pid
again() {
	start_again "${disk[@]}"
	target=$pid
}
at=(-t tcp -a "$A" -s "$S" -n nqn.test --tls -q "$HOSTNQN" --keep-alive-tmo 2 --reconnect-delay 1)
state() { as_user nvmetls list-subsys | grep -q "$X tcp .* $1"; }

# --- killed and started again under a copy
passes nvmetls connect "${at[@]}"
device
for _ in $(seq "$ROUNDS"); do
	as_user dd if=data of="$D" bs=64k conv=notrunc,fsync status=none &
	copy=$!
	sleep 0.15
	kill_hard "$target"
	again
	wait "$copy" || fail 'the copy failed'
	passes cmp -n 200000001 data "$D"
	cmp -n 200000001 data disk.img || fail 'the image lacks what was copied'
	as_user dd if=/dev/zero of="$D" bs=1M count=200 conv=notrunc status=none
done

# --- what was in memory is gone with the process: that is another namespace now
fails 1 dd if="$R/${X}n2" of=/dev/null bs=4k count=1 iflag=direct
stderr_has 'Input/output error'
grep -q 'namespace 2: it is another namespace now' "$R/$X.log" || fail 'the log does not say that it is another one'

# --- gone for good: what waits gets EIO, and it can be taken away
fails 1 nvmetls disconnect -d "$X"
stderr_has 'the flush failed'
passes nvmetls disconnect -d "$X" --force
passes nvmetls connect "${at[@]}" --ctrl-loss-tmo 2
device
kill_hard "$target"
wait_for state connecting
fails 1 dd if="$D" of=/dev/null bs=4k count=1 iflag=direct
stderr_has 'Input/output error'
wait_for state dead
passes grep -q 'given up' "$R/$X.log"
passes nvmetls disconnect -d "$X"

# --- what waits does not hold up a disconnect
again
passes nvmetls connect "${at[@]}"
device
kill_hard "$target"
wait_for state connecting
as_user dd if="$D" of=/dev/null bs=4k count=1 iflag=direct 2>err.dd &
reader=$!
sleep 0.3
fails 1 nvmetls disconnect -d "$X"
stderr_has "is in use: dd (pid"
passes nvmetls disconnect -d "$X" --force
! wait "$reader" || fail 'a read of nothing'
[ -z "$(ls "$R")" ] || fail "left after disconnect: $(ls "$R")"

# --- --fast-io-fail-tmo: it fails soon, and works again when the target is back
again
passes nvmetls connect "${at[@]}" --fast-io-fail-tmo 1
device
kill_hard "$target"
fails 1 dd if="$D" of=/dev/null bs=4k count=1 iflag=direct
stderr_has 'Input/output error'
wait_for state connecting
again
wait_for state live
passes dd if="$D" of=/dev/null bs=4k count=1 iflag=direct status=none

# --- another disk under the same name: not a byte of it
kill_hard "$target"
as_user truncate -s 32M disk.img
again
wait_for state live
fails 1 dd if="$D" of=/dev/null bs=4k count=1 iflag=direct
stderr_has 'Input/output error'
fails 1 dd if=/dev/zero of="$D" bs=4k count=1 oflag=direct conv=notrunc
[ "$(grep -c 'namespace 1: it is smaller now' "$R/$X.log")" = 1 ] || fail 'the log does not say why, once'
kill_hard "$target"
as_user truncate -s 256M disk.img
again
back() { as_user dd if="$D" of=/dev/null bs=4k count=1 iflag=direct status=none; }
wait_for back
# --- a larger one: the device grows
kill_hard "$target"
as_user truncate -s 300M disk.img
again
grown() { [ "$(as_user stat -c %s "$D")" = 314572800 ]; }
wait_for grown
passes dd if=data of="$D" bs=1M count=1 seek=299 conv=notrunc,fsync status=none
cmp -n 1048576 -i 0:313524224 data disk.img || fail 'the new blocks lack what was copied'
passes nvmetls list -o json
[ "$(jq -r '.Devices[0].PhysicalSize' out)" = 314572800 ] || fail 'list shows the old size'

# --- one more than before: one more device
kill_hard "$target"
as_user truncate -s 16M more.img
start_again "${disk[@]}" --namespace "$W/more.img"
target=$pid
wait_for as_user test -s "$R/${X}n3"
passes cp "$R/${X}n3" back
[ "$(stat -c %s back)" = 16777216 ] || fail 'size of the new device'
passes dd if=data of="$R/${X}n3" bs=1M count=16 conv=notrunc,fsync status=none
cmp -n 16777216 data more.img || fail 'the new disk lacks what was copied'

passes nvmetls disconnect -d "$X" --force # the second one is not what it was
