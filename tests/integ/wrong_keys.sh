#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# No key, an unknown one, a different one behind the same identity, one for another subsystem: each
# has a name on both ends, and the next host is served as if nothing had happened.
. "$(dirname "$0")/lib.sh"

make_key
as_user cp -r keys target-keys
start_target --keystore "$W/target-keys" --tls required --subsys nqn.test --namespace mem:16M \
	--allow-any-host --subsys nqn.other --namespace mem:16M --allow-any-host
at=(-t tcp -a "$A" -s "$S" -q "$HOSTNQN" --tls)

served() { passes nvmetls id-ctrl "${at[@]}" -n nqn.test; }
served

fails 1 nvmetls id-ctrl "${at[@]}" -n nqn.other
stderr_has 'check-tls-key'
fails 1 nvmetls id-ctrl "${at[@]}" -n nqn.other -o json
[ "$(jq -r .error.cause out)" = psk-missing ] || fail "cause $(cat out)"

# another key for another subsystem: the target does not know its identity
make_key nqn.other
fails 1 nvmetls id-ctrl "${at[@]}" -n nqn.other
[ "$(wc -l <err)" = 1 ] || fail 'more than one line'
# the host cannot tell which: it names both, and who knows
stderr_has 'may be unknown or different there'
stderr_has "the target's log has the cause"
log_has psk-unknown
served

# the same identity (version 0 has no digest), another key
as_user rm -r keys
make_key
fails 1 nvmetls id-ctrl "${at[@]}" -n nqn.test
[ "$(wc -l <err)" = 1 ] || fail 'more than one line'
stderr_has 'may be unknown or different there'
stderr_has "the target's log has the cause"
log_has psk-mismatch

# the right key again, and the target learns a new one without a restart
as_user cp -r target-keys/. keys/
make_key nqn.other
as_user cp -r keys/. target-keys/
passes nvmetls id-ctrl "${at[@]}" -n nqn.other
served

# one bad file among good ones: it is left out, with a line; what is inserted or removed beside it counts
as_user sh -c 'echo nonsense >target-keys/00000000.key; chmod 600 target-keys/00000000.key'
served
log_has 'not a key file'
as_user chmod 644 target-keys/*.key
sleep 1.1
fails 1 nvmetls id-ctrl "${at[@]}" -n nqn.test
log_has 'chmod 600'
as_user chmod 600 target-keys/*.key
sleep 1.1
served
[ "$(grep -c 'not a key file' "$log")" -le 3 ] || fail 'the same warning again and again'
as_user chmod 644 keys/*.key
fails 1 nvmetls id-ctrl "${at[@]}" -n nqn.test
stderr_has 'chmod 600'
as_user chmod 600 keys/*.key
as_user chmod 755 keys
fails 1 nvmetls id-ctrl "${at[@]}" -n nqn.test -o json
[ "$(jq -r .error.cause out)" = keystore-permissions ] || fail "cause $(cat out)"
stderr_has 'chmod 700'
as_user chmod 700 keys
served
stop
