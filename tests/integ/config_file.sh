#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A configuration as nvmetcli saves it: several ports, subsystems, hosts; mistakes name line and attribute.
. "$(dirname "$0")/lib.sh"

make_key nqn.one
make_key "$DISCOVERY"
as_user truncate -s 32M disk.img
cat >good.json <<EOF
{
  "hosts": [ { "nqn": "$HOSTNQN" } ],
  "ports": [
    {
      "addr": { "adrfam": "ipv4", "traddr": "127.0.0.1", "treq": "required", "trsvcid": "0",
                "trtype": "tcp", "tsas": "tls1.3" },
      "portid": 1, "referrals": [], "subsystems": [ "nqn.one" ]
    },
    {
      "addr": { "adrfam": "ipv4", "traddr": "127.0.0.2", "trsvcid": "0", "trtype": "tcp", "tsas": "none" },
      "portid": 2, "referrals": [], "subsystems": [ "nqn.one", "nqn.two" ]
    }
  ],
  "subsystems": [
    {
      "allowed_hosts": [ "$HOSTNQN" ], "attr": { "allow_any_host": "0", "serial": "00000000000000000001" },
      "namespaces": [
        { "device": { "path": "$W/disk.img", "uuid": "0f4b5bd6-5a7f-4e2e-9a35-2d6a3a4b9a10" }, "enable": 1, "nsid": 5 },
        { "device": { "path": "mem:16M" }, "enable": 0, "nsid": 6 }
      ],
      "nqn": "nqn.one"
    },
    { "allowed_hosts": [], "attr": { "allow_any_host": "1" }, "namespaces": [
        { "device": { "path": "null:1G" }, "enable": 1, "nsid": 1 } ], "nqn": "nqn.two" }
  ]
}
EOF
chmod a+r good.json
start nvmetls-target --config "$W/good.json" --addr-file "$W/addr"
wait_for test -s addr
{ read -r tls; read -r plain; } <addr
tls=(-t tcp -a "${tls%:*}" -s "${tls##*:}" -q "$HOSTNQN" --tls)
plain=(-t tcp -a "${plain%:*}" -s "${plain##*:}" -q "$HOSTNQN")

passes nvmetls discover "${tls[@]}"
stdout_has 'Number of Records 2'
passes nvmetls discover "${plain[@]}"
stdout_has 'Number of Records 3'
stdout_has 'treq:    not specified'
stdout_has 'traddr:  127.0.0.2'
passes nvmetls list-ns "${tls[@]}" -n nqn.one
stdout_has 0x5
if grep -q 0x6 out; then fail 'a namespace that is not enabled is listed'; fi
passes nvmetls id-ctrl "${plain[@]}" -n nqn.two
# a subsystem that is not linked to the port; a host that is not allowed
fails 1 nvmetls id-ctrl "${tls[@]}" -n nqn.two --tls-key NVMeTLSkey-1:01:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh+KfiaR:
fails 1 nvmetls id-ctrl "${plain[@]}" -n nqn.three
stderr_has 'does not export'
fails 1 nvmetls id-ctrl -t tcp "${plain[@]:2:4}" -q nqn.stranger -n nqn.one
stderr_has 'may not use'
fails 1 nvmetls discover -t tcp "${plain[@]:2:4}" -q nqn.stranger -n nqn.one
stop

# names that are no NQNs, as Linux takes them: with a warning; nothing to export: with a warning
cat >old.json <<EOF
{
  "hosts": [],
  "ports": [ { "addr": { "adrfam": "ipv4", "traddr": "127.0.0.1", "trsvcid": "0", "trtype": "tcp" }, "portid": 1,
    "subsystems": [ "testsub" ] } ],
  "subsystems": [ { "attr": { "allow_any_host": "1" }, "namespaces": [], "nqn": "testsub" } ]
}
EOF
chmod a+r old.json
rm -f addr
start nvmetls-target --config "$W/old.json" --addr-file "$W/addr"
wait_for test -s addr
log_has 'old.json:5: subsystems[0].nqn: testsub is not an NQN'
log_has 'old.json:5: subsystems[0].namespaces: testsub has no namespace'
passes nvmetls discover -t tcp -a 127.0.0.1 -s "$(sed 's/.*://' addr)" -q "$HOSTNQN"
stdout_has 'subnqn:  testsub'
stop

refused() { # SED WHERE
	sed "$1" good.json >bad.json
	chmod a+r bad.json
	fails 1 nvmetls-target --config "$W/bad.json"
	stderr_has "$2"
	[ "$(wc -l <err)" = 1 ] || fail 'more than one line'
}
refused 's/"treq": "required"/"treq": "maybe"/' 'bad.json:5: ports[0].addr_treq'
refused 's/"nqn.one", "nqn.two"/"nqn.one", "nqn.tow"/' 'bad.json:11: ports[1].subsystems[1]'
refused 's/"nsid": 6/"nsid": 5/' 'bad.json:19: subsystems[0].namespaces[1].nsid'
refused 's/"portid": 2/"portid": 1/' 'ports[1].portid'
refused 's/"allowed_hosts": \[ "[^"]*" \]/"allowed_hosts": [ "nqn.guest" ]/' 'bad.json:16: subsystems[0].allowed_hosts[0]: there is no host nqn.guest'
refused 's/"path": "null:1G"/"path": "null:many"/' 'bad.json:24: subsystems[1].namespaces[0].device_path: null:many: not a size'
refused 's/"adrfam": "ipv4", "traddr": "127.0.0.2"/"adrfam": "ipv6", "traddr": "127.0.0.2"/' 'bad.json:10: ports[1].addr_traddr: 127.0.0.2 is not an IPv6'
refused 's/"trtype": "tcp", "tsas": "none"/"trtype": "rdma", "tsas": "none"/' 'ports[1].addr_trtype'
fails 1 nvmetls-target --config "$W/none.json"
fails 2 nvmetls-target --config "$W/good.json" --tls none
fails 2 nvmetls-target --subsys nqn.test --namespace mem:1M --allow-any-host
fails 2 nvmetls-target --listen 127.0.0.1:0 --subsys test --namespace mem:1M --allow-any-host
fails 2 nvmetls-target --listen 127.0.0.1:0 --subsys nqn.test --namespace mem:1M
fails 2 nvmetls-target --bogus
fails 1 nvmetls-target --listen 127.0.0.1:0 --subsys nqn.test --namespace "$W/nothing.img" --allow-any-host
stderr_has 'No such file'
