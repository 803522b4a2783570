#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# KeyUpdate at 1 MiB per key, both directions at once, under a verified load.
. "$(dirname "$0")/lib.sh"

make_key
start_target --tls required --rekey-bytes 1M --stats --subsys nqn.test --namespace mem:64M --allow-any-host
at=(-t tcp -a "$A" -s "$S" -n nqn.test -q "$HOSTNQN" --tls)
passes nvmetls perf "${at[@]}" --rw randrw --bs 16k --iodepth 16 --size 32M --runtime 3 --verify --rekey-bytes 1M
passes nvmetls perf "${at[@]}" --rw write --bs 1M --iodepth 4 --size 64M --runtime 2 --verify --rekey-bytes 1M
stop
stats=$(sed -n 's/.*stats: //p' "$log" | tail -n 1)
for direction in received sent; do
	[ "$(jq ".key_updates_$direction" <<<"$stats")" -ge 20 ] || fail "key updates $direction: $stats"
done
log_lacks 'closed: '
