#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Keys are rotated under I/O: a device goes over to the newest key without an error, the target knows it
# without a restart; a key that only this end has is not taken; keys go in any order.
. "$(dirname "$0")/fuse_lib.sh"
: "${ROUNDS:=10}" # rotations under I/O; 100 in a long run
requires fio

new_key() { # another key for the same host and subsystem; version 1 of the identity tells them apart
	passes nvmetls gen-tls-key --hmac 1 -i -I 1 --subsysnqn nqn.test --hostnqn "$HOSTNQN" "$@"
}
new_key
start_target --tls required --subsys nqn.test --allow-any-host --namespace mem:32M
passes nvmetls connect -t tcp -a "$A" -s "$S" -n nqn.test --tls -q "$HOSTNQN" --reconnect-delay 1
device
identity() { as_user nvmetls rotate -d "$X" -o json | jq -er '.rotated[0].identity'; }

# --- under writes that are read back
"${AS_USER[@]}" fio --name=v --filename="$D" --direct=1 --rw=randwrite --bs=4k --ioengine=libaio --iodepth=8 --size=8M \
	--verify=crc32c --verify_fatal=1 --loops=100000 --runtime=100 --output=fio.out 2>fio.err &
load=$!
PIDS+=("$load")
before=$(identity)
for _ in $(seq "$ROUNDS"); do
	sleep 0.2
	new_key
	sleep 1.1 # a target looks for new keys once a second
	now=$(identity)
	[ "$now" != "$before" ] || fail "still $before"
	before=$now
	kill -0 "$load" || fail "the load ended: $(cat fio.err)"
done
for i in 1 2 3 4 5; do identity >again$i; done # without a new key: the same, and no harm
cmp again1 again5
kill -TERM "$load"
wait "$load" || true
[ ! -s fio.err ] || fail "fio: $(cat fio.err)"
grep -q 'err= 0' fio.out || fail "fio: $(cat fio.out)"
! grep -q 'error' "$R/$X.log" || fail "the log tells of errors: $(cat "$R/$X.log")"

# --- a key that the target does not have: the one before goes on to serve
as_user mkdir -m 700 keys.host
as_user sh -c 'cp keys/* keys.host/'
passes nvmetls disconnect -d "$X"
passes nvmetls connect -t tcp -a "$A" -s "$S" -n nqn.test --tls -q "$HOSTNQN" --reconnect-delay 1 --keystore "$W/keys.host"
device
good=$(identity)
sleep 1
new_key --keystore "$W/keys.host"
[ "$(identity)" = "$good" ] || fail 'a key that the target refused is used'
passes dd if="$D" of=/dev/null bs=4k count=1 iflag=direct
passes nvmetls disconnect -d "$X"

fails 1 nvmetls rotate -d nvme7
stderr_has 'there is no connection nvme7'
fails 2 nvmetls rotate
