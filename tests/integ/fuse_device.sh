#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A namespace over TLS as a file: copies, a file system, fio, holes; disconnect, and what a kill leaves.

. "$(dirname "$0")/fuse_lib.sh"

make_key
make_key "$DISCOVERY"
as_user truncate -s 64M disk.img
start_target --tls required --subsys nqn.test --namespace "$W/disk.img" --namespace mem:16M --allow-any-host
target=$pid
discovery_at=(-t tcp -a "$A" -s "$S" --tls -q "$HOSTNQN" --keep-alive-tmo 2)
at=("${discovery_at[@]}" -n nqn.test)

# --- connect, list
passes nvmetls list
passes nvmetls connect "${at[@]}"
device
stdout_has "connecting to device: $X"
[ "$(as_user stat -c '%s %F' "$D")" = '67108864 regular file' ] || fail 'size of the device'
passes nvmetls list
stdout_has "$D"
passes nvmetls list -o json
[ "$(jq -r '.Devices[1].DevicePath, .Devices[1].PhysicalSize' out)" = "$R/${X}n2"$'\n16777216' ] || fail 'list -o json'
passes nvmetls list-subsys
stdout_has " +- $X tcp traddr=$A,trsvcid=$S live"
passes nvmetls list-subsys -o json
[ "$(jq -r '.[0].Subsystems[0].Paths[0].State' out)" = live ] || fail 'list-subsys -o json'
fails 1 nvmetls connect "${at[@]}"
stderr_has "already connected: $X"

# --- bytes
as_user sh -c "head -c 5000001 /dev/urandom >data"
passes cp data "$D"
passes cmp -n 5000001 data "$D"
cmp -n 5000001 data disk.img || fail 'the image lacks what was copied'
passes dd if="$D" of=back bs=64k iflag=direct count=16 status=none
cmp -n 1048576 data back || fail 'O_DIRECT reads something else'
as_user cp disk.img model
for f in "$D" model; do
	passes fallocate -p -o 1000 -l 100000 "$f"
	passes fallocate -z -n -o 1048575 -l 4098 "$f"
	passes dd if=data of="$f" bs=777 seek=3001 count=91 conv=notrunc,fsync status=none
done
passes cmp model "$D"
cmp model disk.img || fail 'the image lacks holes, zeroes or unaligned writes'
fails 1 dd if=/dev/zero of="$D" bs=1M seek=64 count=1 conv=notrunc
stderr_has 'No space left'
passes mkfs.ext4 -q -F "$D"
passes e2fsck -fn "$D"
if command -v fio >/dev/null; then
	passes fio --name=a --filename="$D" --rw=randwrite --bsrange=512-64k --blockalign=512 --size=8M \
		--ioengine=libaio --iodepth=16 --direct=1 --verify=crc32c --verify_fatal=1 --fsync=64 \
		--name=b --filename="$R/${X}n2" --rw=randwrite --bs_unaligned --bsrange=600-9000 --size=4M \
		--ioengine=psync --verify=crc32c --verify_fatal=1
fi

# --- disconnect
start sh -c "exec sleep 100 <$D"
user=$pid
opened() { [ "$(readlink "/proc/$user/fd/0")" = "$D" ]; }
wait_for opened
fails 1 nvmetls disconnect -d "${X}n1"
stderr_has "${X}n1 is in use: sleep (pid $user)"
passes cmp -n 4096 "$D" disk.img
kill "$user"
wait "$user" || true
pid=
as_user dd if=data of="$D" bs=1M count=1 conv=notrunc status=none
passes nvmetls disconnect -n nqn.test
stdout_has 'NQN:nqn.test disconnected 1 controller(s)'
cmp -n 1048576 data disk.img || fail 'disconnect lost a write'
[ -z "$(ls "$R")" ] || fail "left in the directory: $(ls "$R")"
! grep -q "$R" /proc/self/mounts || fail 'a mount is left'
fails 1 nvmetls disconnect -d "$X"

# --- kill -9 of the host: the next list cleans up, and one may connect again
passes nvmetls connect-all -o json "${discovery_at[@]}"
jq -e '.connected | length == 1' out >/dev/null || fail "connect-all: $(cat out)"
device
passes nvmetls connect-all -o json "${discovery_at[@]}"
jq -e '.connected == []' out >/dev/null || fail "connect-all again: $(cat out)"
# one that does not answer is not taken for absent
kill -STOP "$(cat "$R/$X.pid")"
fails 1 nvmetls disconnect -n nqn.test
stderr_has "$X does not answer"
kill -CONT "$(cat "$R/$X.pid")"
kill -KILL "$(cat "$R/$X.pid")"
wait_for flock -n "$R/$X.pid" true # it has ended
grep -q "$R" /proc/self/mounts || fail 'a killed host leaves no mount: nothing to test here'
passes nvmetls list
! grep -q "$R" out || fail 'list shows a dead device'
[ -z "$(ls "$R")" ] || fail "left by a killed host: $(ls "$R")"
! grep -q "$R" /proc/self/mounts || fail 'a killed host left its mount'
passes nvmetls connect "${at[@]}" --ctrl-loss-tmo 0
device
passes cmp -n 1048576 data "$D"

# --- the target goes away: EIO, and it shows
kill_hard "$target"
dead() { as_user nvmetls list-subsys | grep -q "$X tcp .* dead"; }
wait_for dead
fails 1 dd if="$D" of=/dev/null bs=4k count=1
stderr_has 'Input/output error'
passes nvmetls disconnect -d "$X"
[ -z "$(ls "$R")" ] || fail "left after disconnect: $(ls "$R")"
fails 1 nvmetls connect "${at[@]}"
stderr_has 'nobody listens at that address'

# --- an interrupted connect leaves nobody who connects later
start_target --tls required --subsys nqn.test --namespace mem:16M --allow-any-host
kill -STOP "$pid"
"${AS_USER[@]}" timeout -s TERM 1 nvmetls connect -t tcp -a "$A" -s "$S" -n nqn.test --tls -q "$HOSTNQN" >out 2>err || true
stderr_has 'interrupted'
kill -CONT "$pid"
gone() { [ -z "$(ls "$R")" ]; }
wait_for gone
sleep 1
gone || fail 'an interrupted connect went on'
