#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The kernel's host on our target: discover, connect, small and large I/O compared byte by byte, disconnect.
# QUEUES I/O queues; BACKEND file|mem|device.
# shellcheck source-path=SCRIPTDIR source=../guest/words.sh
. /lab/guest/words.sh

: "${QUEUES:=1}" "${BACKEND:=file}"
case $BACKEND in
file) truncate -s 32M /run/image && namespace=/run/image ;;
mem) namespace=mem:32M ;;
device) modprobe brd rd_nr=1 rd_size=32768 && namespace=/dev/ram0 ;;
esac

if [ "$TLS" != none ]; then
	tlshd_on
	both_keys
fi
our_target --tls "$TLS" --subsys $NQN --namespace $namespace --allow-any-host
if [ "${PLAIN_HOST:-0}" = 1 ]; then # a host without TLS on a port that leaves it open
	TLS_WORD=()
fi

run nvme discover -t tcp -a 127.0.0.1 -s $S "${TLS_WORD[@]}"
says "subnqn:  $NQN"
case $TLS in
none) says 'sectype: none' ;;
required) says 'treq:    required' && says 'sectype: tls13' ;;
optional) says 'treq:    not required' && says 'sectype: tls13' ;;
esac

connect -i "$QUEUES"
dd if=/dev/urandom of=/run/data bs=1M count=8 2>/dev/null
# in the capsule, by R2T, larger than the host's and the target's buffers; read back in other sizes
run dd if=/run/data of="$DEV" bs=4k count=64 oflag=direct
run dd if=/run/data of="$DEV" bs=16k count=16 seek=16 skip=16 oflag=direct
run dd if=/run/data of="$DEV" bs=256k count=14 seek=2 skip=2 oflag=direct
run dd if=/run/data of="$DEV" bs=4M count=1 seek=1 skip=1 oflag=direct
for blocks in '512 512' '4k 2048' '128k 64' '4M 2'; do
	read -r bs n <<<"$blocks"
	run dd if="$DEV" of=/run/back bs="$bs" count="$n" iflag=direct
	run cmp -n "$(stat -c %s /run/back)" /run/back /run/data
done
run fio --name=v --filename="$DEV" --direct=1 --rw=randrw --bsrange=4k-256k --offset=8M --size=8M --iodepth=16 \
	--ioengine=libaio --numjobs=1 --verify=crc32c --verify_fatal=1 --verify_state_save=0 --output-format=terse
run nvme flush "$DEV"
if [ "$TLS" != none ] && [ ${#TLS_WORD[@]} = 1 ]; then
	run awk '/TlsCurr(Tx|Rx)Sw/ { sum += $2 } END { print "kTLS sockets:", sum; exit sum == 0 }' /proc/net/tls_stat
fi
run nvme disconnect -n $NQN
says 'disconnected 1'
our_target_off || fail 'our target did not stop'
