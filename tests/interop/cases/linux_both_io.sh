#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The kernel's host on the kernel's target, nvme-cli's walkthrough: the handshake daemon shakes hands for both ends.
# shellcheck source-path=SCRIPTDIR source=../guest/words.sh
. /lab/guest/words.sh

linux_target
tlshd_on
for n in $NQN $DISCOVERY; do linux_key "$n"; done
S=$(linux_service)
run nvme discover -t tcp -a 127.0.0.1 -s "$S" --tls
says "subnqn:  $NQN"
connect -i 2
dd if=/dev/urandom of=/run/data bs=1M count=8 2>/dev/null
for bs in 4k 128k 4M; do
	run dd if=/run/data of="$DEV" bs=$bs oflag=direct
	run dd if="$DEV" of=/run/back bs=$bs count=$((8 * 1024 * 1024 / $(numfmt --from=iec ${bs^^}))) iflag=direct
	run cmp /run/back /run/data
done
run fio --name=v --filename="$DEV" --direct=1 --rw=randrw --bsrange=4k-256k --offset=8M --size=8M --iodepth=16 \
	--ioengine=libaio --numjobs=1 --verify=crc32c --verify_fatal=1 --verify_state_save=0 --output-format=terse
run awk '/TlsCurr(Tx|Rx)Sw/ { sum += $2 } END { print "kTLS sockets:", sum; exit sum != 12 }' /proc/net/tls_stat
run nvme disconnect -n $NQN
says 'disconnected 1'
if [ "$AGENT" = ours ]; then
	agent_says 'to target 127.0.0.1:4421: TLS session, PSK "NVMe'
	agent_says 'from host 127.0.0.1:'
	agent_idle
	says 'sessions          8'
fi
