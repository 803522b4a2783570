#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# OpenSSL's own client completes a PSK handshake with the target and gets an ICResp through it.
. "$(dirname "$0")/lib.sh"
requires openssl

# known TLS PSK: tests/vectors, nvme-cli 2.16, NVMe0R01, key 00..1f
key=NVMeTLSkey-1:01:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh+KfiaR:
host=nqn.2014-08.org.nvmexpress:uuid:00000000-1111-2222-3333-444444444444
psk=570e9d962fab63b5472478fe755061b0dd2ec7ca65639c622e11a7784d0c660b
passes nvmetls check-tls-key -i --subsysnqn nqn.test --hostnqn $host --keydata $key
start_target --tls required --subsys nqn.test --namespace mem:16M --allow-any-host

s_client() { # PSK OUTFILE
	{ printf '\0\0\200\0\200\0\0\0'; head -c 120 /dev/zero; sleep 1; } |
		timeout 10 openssl s_client -connect "$A:$S" -tls1_3 -ciphersuites TLS_AES_128_GCM_SHA256 \
			-psk_identity "NVMe0R01 $host nqn.test" -psk "$1" -quiet >"$2" 2>s_client.err || true
}
s_client $psk answer
[ "$(stat -c %s answer)" = 128 ] || fail "no ICResp: $(tail -n 3 s_client.err)"
[ "$(od -An -tx1 -N 8 answer | tr -d ' ')" = 0100800080000000 ] || fail 'not an ICResp'

s_client "${psk/5/6}" answer
[ ! -s answer ] || fail 'a wrong PSK was accepted'
log_has psk-mismatch
stop
