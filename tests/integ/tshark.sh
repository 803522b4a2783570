#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# An independent dissector decrypts our session with the key log and finds no malformed PDU.
. "$(dirname "$0")/lib.sh"
requires tshark
requires dumpcap
[ "$(id -u)" = 0 ] || skip 'capturing needs root'

make_key
start_target --tls required --keylog "$W/keys.log" --subsys nqn.test --namespace mem:16M --allow-any-host
target=$pid
# dumpcap gives up the right to pass directories of others
chmod 711 "$W"
mkdir cap
dumpcap -q -i lo -f "tcp port $S" -w "$W/cap/session.pcap" -s 0 -B 64 2>dumpcap.err &
capture=$!
PIDS+=("$capture")
wait_for test -s cap/session.pcap
sleep 1
at=(-t tcp -a "$A" -s "$S" -n nqn.test -q "$HOSTNQN" --tls)
passes nvmetls id-ctrl "${at[@]}"
passes nvmetls perf "${at[@]}" --rw randrw --bs 4k --iodepth 4 --size 1M --runtime 1 --rate-iops 100 --verify
passes nvmetls perf "${at[@]}" --rw write --bs 64k --iodepth 2 --size 512k --runtime 1 --rate-iops 50
sleep 1
kill -INT "$capture"
wait "$capture" || true
pid=$target
stop

cat >nvmetls.lua <<EOF
DissectorTable.get("tls.port"):add($S, Dissector.get("nvme-tcp"))
EOF
t() {
	tshark -r cap/session.pcap -X lua_script:nvmetls.lua -o tls.keylog_file:keys.log -d "tcp.port==$S,tls" "$@" 2>>tshark.err
}
for type in 0 1 4 5 6 7 9; do
	[ "$(t -Y "nvme-tcp.type == $type" | wc -l)" -ge 1 ] || fail "no PDU of type $type was dissected"
done
[ "$(t -Y '_ws.malformed' | wc -l)" = 0 ] || fail "malformed: $(t -Y _ws.malformed | head -n 3)"
[ "$(t -Y 'nvme-tcp.type == 2 || nvme-tcp.type == 3' | wc -l)" = 0 ] || fail 'a TermReq'
