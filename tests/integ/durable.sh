#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What was flushed, or written with FUA, is in the image after the target was killed.
. "$(dirname "$0")/lib.sh"

make_key
as_user truncate -s 16M disk.img
as_user sh -c "head -c 65536 /dev/urandom > $W/data"
disk=(--tls required --subsys nqn.test --namespace "$W/disk.img" --allow-any-host)
start_target "${disk[@]}"
at() { echo -t tcp -a "$A" -s "$S" -n nqn.test -q "$HOSTNQN" --tls; }
# shellcheck disable=SC2046
passes nvmetls write $(at) --start-block 0 --block-count 127 --data-size 65536 --data "$W/data" --force-unit-access
# shellcheck disable=SC2046
passes nvmetls write $(at) --start-block 1000 --block-count 127 --data-size 65536 --data "$W/data"
# shellcheck disable=SC2046
passes nvmetls flush $(at)

# a second target cannot take the image while the first has it
fails 1 nvmetls-target --listen 127.0.0.1:0 "${disk[@]}"
stderr_has disk.img
kill_hard
start_target "${disk[@]}"
for block in 0 1000; do
	# shellcheck disable=SC2046
	passes nvmetls read $(at) --start-block $block --block-count 127 --data-size 65536 --data "$W/back"
	cmp data back || fail "block $block differs"
done
stop
