#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Keys: what nvme-cli 2.16 printed for 96 vectors is what we print; Debian's nvme-cli takes our keys
# and we take its; every malformed one is refused in one line.
. "$(dirname "$0")/lib.sh"
requires jq

check() { passes nvmetls check-tls-key -c "$subsysnqn" -n "$hostnqn" -I "$version" "${compat[@]}" "$@"; }
n=0
while IFS=$'\t' read -r hmac version hostnqn subsysnqn secret key identity legacy; do
	compat=()
	[ "$legacy" = false ] || compat=(--compat)
	passes nvmetls gen-tls-key -m "$hmac" -s "$secret"
	[ "$(cat out)" = "$key" ] || fail "gen-tls-key -m $hmac -s $secret: $(cat out)"
	check -d "$key"
	[ "$(cat out)" = "$identity" ] || fail "identity of $key: $(cat out)"
	n=$((n + 1))
done < <(jq -r '.tls[] | [.hmac, .version, .hostnqn, .subsysnqn, .configured_psk, .interchange, .identity,
	(.derivation | startswith("libnvme-legacy"))] | @tsv' "$VECTORS/nvme-cli.json")
[ $n -ge 50 ] || fail "only $n vectors"

# forms that nvme-cli accepts or refuses
while IFS=$'\t' read -r name version key rc output; do
	[ -n "$key" ] || continue
	if [ "$rc" = 0 ]; then
		passes nvmetls check-tls-key -c nqn.test -n "$HOSTNQN" -I "$version" -d "$key"
		[ "$(cut -d' ' -f1,3 out)" = "${output%% *} nqn.test" ] || fail "$name: $(cat out)"
	else
		fails 1 nvmetls check-tls-key -c nqn.test -n "$HOSTNQN" -I "$version" -d "$key"
		[ "$(wc -l <err)" = 1 ] || fail "$name: not one line: $(cat err)"
	fi
done < <(jq -r '.tls_edge_sid[] | [.name, .version, .interchange, .rc, .output] | @tsv' "$VECTORS/nvme-cli.json")

# the same key from the command line, a file, "@FILE" and standard input, with and without line end
hostnqn=$HOSTNQN subsysnqn=nqn.test version=1 compat=()
passes nvmetls gen-tls-key
key=$(cat out)
as_user sh -c "cat >key" <out
check -d "$key"
cp out want
check -f "$W/key"
cmp out want
check -d "@$W/key"
cmp out want
for feed in "printf %s $key" "echo $key" "printf %s\\r\\n $key" "printf \\r\\n\\n%s\\n\\n $key" "printf \\t%s\\040 $key"; do
	$feed | as_user nvmetls check-tls-key -c nqn.test -n "$HOSTNQN" -I 1 >out
	cmp out want
	$feed | as_user nvmetls check-tls-key -c nqn.test -n "$HOSTNQN" -I 1 -d - >out
	cmp out want
done
# what is on the command line is taken as it stands, as nvme-cli does
for text in "$key " " $key" "$key"$'\n'; do
	fails 1 nvmetls check-tls-key -c nqn.test -n "$HOSTNQN" -d "$text"
done
printf '%s\n%s\n' "$key" "$key" >two
chmod a+r two
fails 1 nvmetls check-tls-key -c nqn.test -n "$HOSTNQN" -f "$W/two"
head -c 100000 /dev/zero >zeroes
chmod a+r zeroes
fails 1 nvmetls check-tls-key -c nqn.test -n "$HOSTNQN" -f "$W/zeroes"
fails 1 nvmetls check-tls-key -c nqn.test -n "$HOSTNQN" -f "$W/none"
stderr_has 'No such file'
fails 1 nvmetls check-tls-key -c nqn.test
stderr_has 'no key on standard input; '

# each refusal: one line, its cause and number, the next step, and never the key
refused() { # CAUSE ERRNO HINT KEY...
	local cause=$1 name=$2 hint=$3
	for verb in 'check-tls-key -c nqn.test -d' 'id-ctrl -t tcp -a 127.0.0.1 -s 9 -n nqn.test --tls-key'; do
		read -r -a words <<<"$verb"
		fails 1 nvmetls "${words[@]}" "$4" "${@:5}" -o json
		[ "$(jq -r '.error | .cause, .errno' out | xargs)" = "$cause $name" ] || fail "$verb $4: $(cat out)"
		stderr_has "$hint"
		[ "$(wc -l <err)" = 1 ] || fail "$verb $4: $(cat err)"
	done
}
body=${key#NVMeTLSkey-1:01:}
refused key-malformed EINVAL 'malformed; give it as gen-tls-key prints it' xx
refused key-malformed EINVAL 'malformed; give it as gen-tls-key prints it' "${key%:}"
refused key-malformed EINVAL 'not as long as its hash demands; 32 bytes after' "NVMeTLSkey-1:02:$body"
refused key-malformed EOPNOTSUPP 'unknown version or hash; NVMeTLSkey-1:00:' "NVMeTLSkey-1:03:$body"
flipped=A
[ "${body:0:1}" != A ] || flipped=B
refused key-malformed EBADMSG 'damaged (its CRC does not match); copy it again' "NVMeTLSkey-1:01:$flipped${body:1}"
refused key-malformed EINVAL 'no key on standard input; ' -
refused os-error ENOENT 'none: No such file' "@$W/none"
refused os-error EISDIR 'Is a directory' "@$W"
fails 1 nvmetls id-ctrl -t tcp -a 127.0.0.1 -s 9 -n nqn.test -q nqn.h --tls --keystore "$W/nowhere" -o json
[ "$(jq -r '.error | .cause, .errno' out | xargs)" = 'psk-missing ENOKEY' ] || fail "$(cat out)"
stderr_has "$W/nowhere, which does not exist; make one with gen-tls-key and insert it with check-tls-key -i"
fails 2 nvmetls check-tls-key -c nqn.test -d "$key" -f "$W/key"

# insertion, twice the same: one key, mode 0600 in a directory of mode 0700
for _ in 1 2; do
	check -i -d "$key"
	grep -Eqx 'Inserted TLS key [0-9a-f]{8}' out || fail "$(cat out)"
done
[ "$(stat -c %a keys)" = 700 ] || fail "mode of the key store: $(stat -c %a keys)"
[ "$(find keys -name '*.key' -perm 600 | wc -l)" = 1 ] || fail "$(ls -l keys)"
passes nvmetls gen-tls-key -i -c nqn.two -n "$HOSTNQN"
[ "$(sed -n 2p out | cut -d' ' -f1-3)" = 'Inserted TLS key' ] || fail "$(cat out)"
passes nvmetls gen-tls-key -i -c nqn.two -n "$HOSTNQN" -m 2 -o json
jq -e '.key and .inserted' out >/dev/null || fail "$(cat out)"
# a full disk, as far as a test can have one: its name and number, and nothing is left behind
as_user sh -c 'trap "" XFSZ; ulimit -f 0; nvmetls "$@" 2>&1 || true' sh \
	check-tls-key -i -c nqn.full -n "$HOSTNQN" -d "$key" -o json | cat >out
has out 'File too large'
has out EFBIG
[ -z "$(find keys -name '.*.tmp')" ] || fail "$(ls -la keys)"
# another store; one that others can read is refused
passes nvmetls check-tls-key -i -c nqn.test -n "$HOSTNQN" -d "$key" --keystore "$W/other"
[ "$(find other -name '*.key' | wc -l)" = 1 ] || fail 'no key in --keystore'
chmod 755 other
fails 1 nvmetls check-tls-key -i -c nqn.test -n "$HOSTNQN" -d "$key" --keystore "$W/other"
stderr_has "chmod 700 $W/other"
fails 1 nvmetls check-tls-key -i -c nqn.test -n "$HOSTNQN" -d "$key" --keystore /proc/nowhere -o json
[ "$(jq -r '.error | .cause, .errno' out | xargs)" = 'os-error ENOENT' ] || fail "$(cat out)"
! grep -rq "$key" err out || fail 'the key was printed'

# this host's NQN is made once and kept
passes nvmetls check-tls-key -c nqn.test -d "$key"
cp out want
passes nvmetls check-tls-key -c nqn.test -d "$key"
cmp out want || fail 'the host NQN changed'

# Debian's nvme-cli and ours
if command -v nvme >/dev/null; then
	option=$(nvme check-tls-key --help 2>&1 | grep -Eo -- '--keydata|--key' | head -n 1) || true
	for hmac in 1 2; do
		passes nvmetls gen-tls-key -m $hmac
		nvme check-tls-key "$option=$(cat out)" -c nqn.test -n "$HOSTNQN" >theirs 2>&1 ||
			nvme check-tls-key "$option=$(cat out)" >theirs 2>&1 || fail "nvme refuses our key: $(cat theirs)"
		key=$(nvme gen-tls-key --hmac=$hmac 2>/dev/null)
		passes nvmetls check-tls-key -c nqn.test -n "$HOSTNQN" -d "$key"
	done
fi
