#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# required, optional and none: who may connect how, and what the others are told, on both ends.
. "$(dirname "$0")/lib.sh"

make_key
disk=(--subsys nqn.test --namespace mem:16M --allow-any-host)
to() { at=(-t tcp -a "$A" -s "$S" -n nqn.test -q "$HOSTNQN"); }

start_target --tls required "${disk[@]}"
to
fails 1 nvmetls id-ctrl "${at[@]}"
stderr_has '--tls'
[ "$(wc -l <err)" = 1 ] || fail 'more than one line'
stderr_has "the target's log has the cause"
log_has plaintext-on-tls-port
fails 1 nvmetls id-ctrl "${at[@]}" -o json
jq -e '.error.cause and .error.hint' out >/dev/null || fail 'no cause in JSON'
passes nvmetls id-ctrl "${at[@]}" --tls
stop

start_target --tls none "${disk[@]}"
to
fails 1 nvmetls id-ctrl "${at[@]}" --tls
stderr_has 'or the port without TLS'
stderr_has "the target's log has the cause"
stderr_has 'leave out --tls'
[ "$(wc -l <err)" = 1 ] || fail 'more than one line'
log_has tls-on-plaintext-port
passes nvmetls id-ctrl "${at[@]}"
stop

start_target --tls optional "${disk[@]}"
to
passes nvmetls id-ctrl "${at[@]}"
passes nvmetls id-ctrl "${at[@]}" --tls
passes tcp-probe "$A" "$S" send 474554202f20 3
stdout_has closed
log_has not-nvme-tcp
passes nvmetls id-ctrl "${at[@]}" --tls
stop
