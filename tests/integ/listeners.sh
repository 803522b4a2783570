#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Several listeners: IPv4, IPv6, wildcard. The discovery log shows the address that was reached.
. "$(dirname "$0")/lib.sh"

make_key
make_key "$DISCOVERY"
v6=()
[ -e /proc/sys/net/ipv6 ] && as_user sh -c 'grep -q 00000000000000000000000000000001 /proc/net/if_inet6' && v6=(--listen '[::1]:0')
start nvmetls-target --listen 127.0.0.1:0 --listen '*:0' "${v6[@]}" --addr-file "$W/addr" --tls required \
	--subsys nqn.test --namespace mem:16M --allow-any-host
wait_for test -s addr
mapfile -t addr <addr
for i in "${!addr[@]}"; do
	a=${addr[$i]%:*}
	a=${a//[\[\]]/}
	[ "$a" != 0.0.0.0 ] || a=127.0.0.5
	passes nvmetls discover -t tcp -a "$a" -s "${addr[$i]##*:}" -q "$HOSTNQN" --tls
	[ "$(grep -c "traddr:  $a\$" out)" = 2 ] || fail "traddr is not $a: $(cat out)"
	[ "$(grep -c "trsvcid: ${addr[$i]##*:}\$" out)" = 2 ] || fail 'trsvcid'
	passes nvmetls id-ctrl -t tcp -a "$a" -s "${addr[$i]##*:}" -n nqn.test -q "$HOSTNQN" --tls
done
# the port is taken: one line, exit 1
fails 1 nvmetls-target --listen "${addr[0]}" --tls none --subsys nqn.test --namespace mem:1M --allow-any-host
stderr_has 'cannot listen'
stop
