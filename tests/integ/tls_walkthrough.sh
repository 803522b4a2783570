#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The blog's walkthrough over TLS: keys, discovery, a controller, I/O that comes back as it was written.
. "$(dirname "$0")/lib.sh"

make_key
make_key "$DISCOVERY"
as_user truncate -s 64M disk.img
start_target --tls required --subsys nqn.test --namespace "$W/disk.img" --namespace mem:32M \
	--allow-any-host
at=(-t tcp -a "$A" -s "$S" --tls -q "$HOSTNQN")
test_at=("${at[@]}" -n nqn.test)

passes nvmetls discover "${at[@]}"
stdout_has 'Discovery Log Number of Records 2'
[ "$(grep -c 'sectype: tls13' out)" = 2 ] || fail 'two records with sectype tls13'
[ "$(grep -c 'treq:    required' out)" = 2 ] || fail 'two records with treq required'
stdout_has 'subnqn:  nqn.test'
passes nvmetls discover "${at[@]}" -o json
[ "$(jq -r '.records | length' out)" = 2 ] || fail 'two records in JSON'
[ "$(jq -r '.records[1].sectype' out)" = tls13 ] || fail 'sectype in JSON'

passes nvmetls id-ctrl "${test_at[@]}"
stdout_has 'subnqn    : nqn.test'
passes nvmetls list-ns "${test_at[@]}"
[ "$(grep -c '0x[12]$' out)" = 2 ] || fail 'two namespaces'
passes nvmetls id-ns "${test_at[@]}" --namespace-id 1
passes nvmetls show-regs "${test_at[@]}"

as_user sh -c "head -c 1048576 /dev/urandom > $W/data"
passes nvmetls write "${test_at[@]}" --start-block 8 --block-count 255 --data-size 131072 --data "$W/data"
passes nvmetls flush "${test_at[@]}"
passes nvmetls read "${test_at[@]}" --start-block 8 --block-count 255 --data-size 131072 --data "$W/back"
cmp -n 131072 data back || fail 'read differs from what was written'
cmp -n 131072 -i 0:4096 data disk.img || fail 'the image lacks what was written'

passes nvmetls write-zeroes "${test_at[@]}" --start-block 8 --block-count 7
passes nvmetls read "${test_at[@]}" --start-block 8 --block-count 7 --data-size 4096 --data "$W/back"
cmp -n 4096 back /dev/zero || fail 'write-zeroes left data'
passes nvmetls dsm "${test_at[@]}" --ad --slbs 16 --blocks 8

passes nvmetls perf "${test_at[@]}" --rw randwrite --bs 4k --iodepth 32 --size 8M --runtime 2 --verify
passes nvmetls perf "${test_at[@]}" --rw randrw --bs 16k --iodepth 16 --size 8M --runtime 2 --verify
passes nvmetls perf "${test_at[@]}" --namespace-id 2 --rw write --bs 1M --iodepth 4 --size 32M --runtime 2 --verify
log_lacks 'closed: '
stop
