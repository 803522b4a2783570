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
stderr_has "$W/disk.img: in use by another process"
# nor the same target twice, whatever the name; and not its port
as_user truncate -s 1M other.img
fails 1 nvmetls-target --listen 127.0.0.1:0 --tls none --subsys nqn.test --allow-any-host --namespace "$W/other.img" \
	--namespace "$W/./other.img"
stderr_has 'the same file as namespace 1 of nqn.test'
fails 1 nvmetls-target --listen "127.0.0.1:$S" --tls none --subsys nqn.test --allow-any-host --namespace mem:1M
stderr_has "port $S: Address already in use; something listens there already"
as_user chmod 0 other.img
if ! as_user test -r other.img; then
	fails 1 nvmetls-target --listen 127.0.0.1:0 --tls none --subsys nqn.test --allow-any-host --namespace "$W/other.img"
	stderr_has 'Permission denied; give this user the right'
fi
kill_hard
start_target "${disk[@]}"
for block in 0 1000; do
	# shellcheck disable=SC2046
	passes nvmetls read $(at) --start-block $block --block-count 127 --data-size 65536 --data "$W/back"
	cmp data back || fail "block $block differs"
done
stop

# tmpfs cannot zero a range: the target writes the zeroes itself, in several pieces
if [ "$(stat -f -c %T /dev/shm 2>/dev/null)" = tmpfs ] && as_user test -w /dev/shm; then
	image=$(as_user mktemp /dev/shm/nvmetls-zeroes.XXXXXX)
	as_user sh -c "head -c 8M /dev/urandom >$image"
	start_target --tls required --subsys nqn.test --namespace "$image" --allow-any-host
	as_user rm "$image"
	# shellcheck disable=SC2046
	passes nvmetls write-zeroes $(at) --start-block 8 --block-count 8183
	# shellcheck disable=SC2046
	passes nvmetls read $(at) --start-block 8 --block-count 2047 --data "$W/back"
	cmp -n 1M back /dev/zero || fail 'the first pieces are not zero'
	# shellcheck disable=SC2046
	passes nvmetls read $(at) --start-block 8191 --block-count 0 --data "$W/back"
	cmp -n 512 back /dev/zero || fail 'the last block is not zero'
	# shellcheck disable=SC2046
	passes nvmetls read $(at) --start-block 8192 --block-count 0 --data "$W/back"
	! cmp -s -n 512 back /dev/zero || fail 'a block behind the range is zero'
	stop
fi
