#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Our host on the kernel's target: discover, identify, verified I/O of all sizes, zeroes, deallocation.
# shellcheck source-path=SCRIPTDIR source=../guest/words.sh
. /lab/guest/words.sh

linux_target
if [ "$TLS" != none ]; then
	tlshd_on
	both_keys
fi
S=$(linux_service)
[ "${PLAIN_HOST:-0}" != 1 ] || TLS_WORD=()
at=(-t tcp -a 127.0.0.1 -s "$S" -q "$HOSTNQN" "${TLS_WORD[@]}")
on=("${at[@]}" -n "$NQN" "${DIGESTS[@]}")

run nvmetls discover "${at[@]}"
says "subnqn:  $NQN"
[ "$TLS" = none ] || says 'sectype: tls13'
run nvmetls id-ctrl "${on[@]}"
says 'mn        : Linux'
run nvmetls list-ns "${on[@]}"
run nvmetls id-ns "${on[@]}" --namespace-id 1
run nvmetls show-regs "${on[@]}"
for load in 'randwrite 4k 16' 'randrw 16k 8' 'write 128k 8' 'randwrite 1M 4' 'randwrite 4M 2'; do
	read -r rw bs depth <<<"$load"
	run nvmetls perf "${on[@]}" --rw "$rw" --bs "$bs" --iodepth "$depth" --size 16M --runtime 1 --verify
	says 'all good'
done
# nvmet announces no limit, and loses what is larger than its own: our host keeps to 4 MiB
refused nvmetls perf "${on[@]}" --rw randwrite --bs 8M --iodepth 1 --size 16M --runtime 1
says 'at most 4194304 bytes'
run nvmetls perf "${on[@]}" --rw randwrite --bs 4k --iodepth 8 --numjobs 2 --size 16M --runtime 1 --verify
says 'all good'

dd if=/dev/urandom of=/run/data bs=64k count=1 2>/dev/null
run nvmetls write "${on[@]}" --namespace-id 1 --start-block 128 --block-count 127 --data-size 65536 --data /run/data
# past the page cache, which knows nothing of what nvmet does
run dd if=/dev/ram0 of=/run/back bs=64k skip=1 count=1 iflag=direct
run cmp /run/back /run/data
run nvmetls read "${on[@]}" --namespace-id 1 --start-block 128 --block-count 127 --data-size 65536 --data /run/back
run cmp /run/back /run/data
run nvmetls flush "${on[@]}" --namespace-id 1
run nvmetls write-zeroes "${on[@]}" --namespace-id 1 --start-block 128 --block-count 7
run bash -c 'dd if=/dev/ram0 bs=4k skip=16 count=1 iflag=direct 2>/dev/null | tr -d "\0" | wc -c'
[ "$out" = 0 ] || fail 'the blocks are not zero'
run nvmetls dsm "${on[@]}" --namespace-id 1 --ad --slbs 0 --blocks 8
