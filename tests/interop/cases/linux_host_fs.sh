#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A file system of the kernel's host on our target; blocks deallocated and zeroed.
# shellcheck source-path=SCRIPTDIR source=../guest/words.sh
. /lab/guest/words.sh

truncate -s 64M /run/image
if [ "$TLS" != none ]; then
	tlshd_on
	both_keys
fi
our_target --tls "$TLS" --subsys $NQN --namespace /run/image --allow-any-host
connect -i 2
run mkfs.ext4 -q -F "$DEV"
run mount "$DEV" /mnt
run fio --name=v --directory=/mnt --rw=randwrite --bsrange=1k-128k --size=12M --fsync=16 --end_fsync=1 \
	--verify=crc32c --verify_fatal=1 --verify_state_save=0 --output-format=terse
run umount /mnt
run fsck.ext4 -f -n "$DEV"
run mount "$DEV" /mnt
run fio --name=v --directory=/mnt --rw=randwrite --bsrange=1k-128k --size=12M --verify=crc32c --verify_only=1 \
	--verify_fatal=1 --verify_state_save=0 --output-format=terse
run fstrim -v /mnt
run umount /mnt

zero() { run bash -c "dd if=$DEV bs=64k skip=$1 count=$2 iflag=direct 2>/dev/null | tr -d '\\0' | wc -c"; says_exactly 0; }
says_exactly() { [ "$out" = "$1" ] || fail "not $1 but $out"; }
dd if=/dev/urandom of=/run/data bs=1M count=2 2>/dev/null
run dd if=/run/data of="$DEV" bs=1M oflag=direct
run blkdiscard -o 0 -l 1M "$DEV"
zero 0 16
run cmp -n 1M -i 1M /run/data "$DEV"
run dd if=/run/data of="$DEV" bs=1M oflag=direct
run blkdiscard -z -o 1M -l 512k "$DEV"
zero 16 8
run cmp -n 1M /run/data "$DEV"
run cmp -n 512k -i 1536k /run/data "$DEV"
run nvme write-zeroes "$DEV" -s 0 -c 7
zero 0 0
run nvme dsm "$DEV" -d -s 128 -b 64
run nvme disconnect -n $NQN
