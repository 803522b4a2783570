#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Peers that say nothing, half a ClientHello, half an ICReq, an ICReq and no Connect: each times out
# by itself; a host that meets a silent target gives up with a name for it.
. "$(dirname "$0")/lib.sh"

make_key
disk=(--subsys nqn.test --namespace mem:16M --allow-any-host)
short=(--handshake-timeout-ms 1000 --connect-timeout-ms 1000)
icreq=0000800080000000$(printf '%0240d' 0)

start_target --tls required "${short[@]}" "${disk[@]}"
for bytes in '' 1603 16030102; do
	passes tcp-probe "$A" "$S" send "$bytes" 6
	stdout_has closed
done
log_has handshake-timeout
passes nvmetls id-ctrl -t tcp -a "$A" -s "$S" -n nqn.test -q "$HOSTNQN" --tls
stop

start_target --tls optional "${short[@]}" "${disk[@]}"
passes tcp-probe "$A" "$S" send '' 6
stdout_has closed
passes tcp-probe "$A" "$S" send "${icreq:0:40}" 6
stdout_has closed
log_has icreq-timeout
passes tcp-probe "$A" "$S" send "$icreq" 6
stdout_has 0100800080
stdout_has closed
log_has connect-timeout
# an ICReq, then half a Connect capsule
passes tcp-probe "$A" "$S" send "${icreq}040048484804" 6
stdout_has closed
# a PDU of no type: C2HTermReq (type 3), FES 1
passes tcp-probe "$A" "$S" send "${icreq}0f00484848000000" 2
stdout_has 03001800
passes nvmetls id-ctrl -t tcp -a "$A" -s "$S" -n nqn.test -q "$HOSTNQN"
stop
