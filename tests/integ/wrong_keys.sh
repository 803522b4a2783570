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

# one bad file among good ones: it is left out, with one line; what is inserted or removed beside it counts
bad=target-keys/00000000.key
another=(-t tcp -a "$A" -s "$S" -q nqn.another -n nqn.test --tls-key "@$W/key" --tls-identity 0)
as_user sh -c "echo nonsense >$bad; chmod 600 $bad"
served
log_has "$bad: not a key file"
make_key nqn.third
chmod 644 key
passes nvmetls check-tls-key -i --subsysnqn nqn.test --hostnqn nqn.another --keydata "$(cat key)" \
	--keystore "$W/target-keys"
id=$(awk '{ print $NF }' out)
passes nvmetls id-ctrl "${another[@]}"
as_user rm "target-keys/$id.key"
fails 1 nvmetls id-ctrl "${another[@]}"
served
[ "$(grep -c 'not a key file' "$log")" = 1 ] || fail 'the same warning again'

# other permissions are noticed within a second
as_user sh -c 'chmod 644 target-keys/*.key'
sleep 1.1
fails 1 nvmetls id-ctrl "${at[@]}" -n nqn.test
log_has "chmod 600 $W/$bad"
as_user sh -c 'chmod 600 target-keys/*.key'
sleep 1.1
served

# the store itself: a running target keeps what it has, and says so once; one that starts does not
as_user chmod 755 target-keys
sleep 1.1
served
log_has "chmod 700 $W/target-keys"
sleep 1.1
served
served
[ "$(grep -c 'stay in use' "$log")" = 1 ] || fail 'the same error again'
fails 1 nvmetls-target --keystore "$W/target-keys" --listen 127.0.0.1:0 --subsys nqn.test --namespace mem:16M \
	--allow-any-host
[ "$(wc -l <err)" = 1 ] || fail 'more than one line'
stderr_has "chmod 700 $W/target-keys"
as_user chmod 700 target-keys
served

# the host's store
as_user sh -c 'chmod 644 keys/*.key'
fails 1 nvmetls id-ctrl "${at[@]}" -n nqn.test
stderr_has "chmod 600 $W/keys/"
as_user sh -c 'chmod 600 keys/*.key'
as_user chmod 755 keys
fails 1 nvmetls id-ctrl "${at[@]}" -n nqn.test -o json
[ "$(jq -r .error.cause out)" = keystore-permissions ] || fail "cause $(cat out)"
[ "$(jq -r .error.hint out)" = "chmod 700 $W/keys" ] || fail "hint $(cat out)"
[ "$(wc -l <err)" = 1 ] || fail 'more than one line'
as_user chmod 700 keys
served
stop
