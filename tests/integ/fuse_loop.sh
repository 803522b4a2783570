#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# As root with --loop: a file system on the loop device; disconnect says that it is mounted.

# A /run and mounts of our own: a host that runs on this machine is not disturbed. Loop devices are the whole
# machine's: one of these tests at a time, or the device that one has left is found attached by another.
if [ "$(id -u)" = 0 ] && [ -z "${FUSE_NAMESPACE-}" ] && [ -c /dev/loop-control ] && unshare -m true 2>/dev/null; then
	FUSE_NAMESPACE=1 exec flock -o /dev/loop-control unshare -m --propagation private bash "$0" "$@"
fi
. "$(dirname "$0")/lib.sh"
[ -n "${FUSE_NAMESPACE-}" ] || skip 'needs root, and mount namespaces'
requires mkfs.ext4
requires jq
if [ ! -c /dev/fuse ] || [ ! -c /dev/loop-control ]; then
	skip 'no /dev/fuse or no loop devices here'
fi
# shellcheck disable=SC2034 # for lib.sh
AS_USER=(env --) # what is tested needs root
mount -t tmpfs none /run || skip 'no /run of our own'
mkdir mnt

end_hosts() {
	local status=$? f
	trap - ERR
	set +e
	umount mnt 2>/dev/null
	for f in /run/nvmetls/*.pid; do
		[ -s "$f" ] && kill -KILL "$(cat "$f")" && wait_for flock -n "$f" true
	done 2>/dev/null
	nvmetls list >/dev/null 2>&1
	(exit $status)
	cleanup
}
trap end_hosts EXIT

make_key
truncate -s 64M disk.img
start_target --tls required --subsys nqn.test --namespace "$W/disk.img" --allow-any-host
at=(-t tcp -a "$A" -s "$S" --tls -q "$HOSTNQN" -n nqn.test)
connect() {
	passes nvmetls connect "${at[@]}" --loop
	X=$(cd /run/nvmetls && echo nvme*.pid)
	X=${X%.pid}
	passes nvmetls list -o json
	L=$(jq -r '.Devices[0].LoopPath' out)
	[ -b "$L" ] || fail "no loop device in the list: $L"
}

connect
[ "$(blockdev --getsize64 "$L")" = 67108864 ] || fail 'size of the loop device'
passes mkfs.ext4 -q -F "$L"
passes mount "$L" mnt
head -c 3000001 /dev/urandom >data
cp data mnt/
sync
passes fstrim mnt
fails 1 nvmetls disconnect -n nqn.test
stderr_has "mounted on $W/mnt"
passes umount mnt
passes e2fsck -fn "$L"
passes nvmetls disconnect -n nqn.test
[ ! -s "/sys/block/${L#/dev/}/loop/backing_file" ] || fail 'the loop device is still attached'
passes e2fsck -fn disk.img
passes debugfs -R "dump data back" disk.img
cmp data back || fail 'the image lacks the file'

# a killed host leaves a loop device too
connect
kill -KILL "$(cat "/run/nvmetls/$X.pid")"
wait_for flock -n "/run/nvmetls/$X.pid" true
passes nvmetls list
[ ! -s "/sys/block/${L#/dev/}/loop/backing_file" ] || fail 'a killed host left its loop device'
[ -z "$(ls /run/nvmetls)" ] || fail "left by a killed host: $(ls /run/nvmetls)"
