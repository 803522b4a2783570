#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A disk that fails: the host gets a status, the target's log says what happened, and goes on.
. "$(dirname "$0")/lib.sh"

as_user truncate -s 1000000 disk.img
as_user sh -c "head -c 4096 /dev/urandom > $W/data"
plain=(--tls none --subsys nqn.test --allow-any-host)
start_target "${plain[@]}" --namespace "$W/disk.img"
at=(-t tcp -a "$A" -s "$S" -n nqn.test -q "$HOSTNQN")
# 1000000 = 1953 * 512 + 64
log_has "warning: namespace 1 of nqn.test, $W/disk.img: the last 64 bytes"
passes nvmetls write "${at[@]}" --start-block 0 --block-count 7 --data-size 4096 --data "$W/data"
log_lacks failed

# cut behind the target's back: an error, and no write makes it longer again
as_user truncate -s 4096 disk.img
fails 1 nvmetls write "${at[@]}" --start-block 800 --block-count 7 --data-size 4096 --data "$W/data"
log_has "namespace 1 of nqn.test, $W/disk.img: write of 4096 bytes at 409600 failed: the file ends before; it was 999936 bytes"
fails 1 nvmetls read "${at[@]}" --start-block 8 --block-count 0 --data-size 512
log_has "read of 512 bytes at 4096 failed"
[ "$(stat -c %s disk.img)" = 4096 ] || fail "the image has $(stat -c %s disk.img) bytes"
passes nvmetls read "${at[@]}" --start-block 0 --block-count 7 --data-size 4096 --data "$W/back"
cmp data back || fail 'what is left of the image is not readable'
# the same again is not told again at once
fails 1 nvmetls read "${at[@]}" --start-block 8 --block-count 0 --data-size 512
[ "$(grep -c 'read of' "$log")" = 1 ] || fail 'one line for each error'
stop

# a file size limit of the target is an error of a write, not the end of the target
as_user truncate -s 1M disk.img
rm -f addr
# shellcheck disable=SC2016 # for that shell
start sh -c 'ulimit -f 200; exec "$@"' sh nvmetls-target --listen 127.0.0.1:0 --addr-file "$W/addr" "${plain[@]}" \
	--namespace "$W/disk.img"
wait_for test -s addr
at=(-t tcp -a 127.0.0.1 -s "$(sed 's/.*://' addr)" -n nqn.test -q "$HOSTNQN")
fails 1 nvmetls write "${at[@]}" --start-block 1024 --block-count 7 --data-size 4096 --data "$W/data"
log_has 'write of 4096 bytes at 524288 failed: File too large; see ulimit -f'
passes nvmetls write "${at[@]}" --start-block 0 --block-count 7 --data-size 4096 --data "$W/data"
stop
