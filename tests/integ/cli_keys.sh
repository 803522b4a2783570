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
for feed in "printf %s $key" "echo $key" "printf %s\\r\\n $key"; do
	$feed | as_user nvmetls check-tls-key -c nqn.test -n "$HOSTNQN" -I 1 >out
	cmp out want
	$feed | as_user nvmetls check-tls-key -c nqn.test -n "$HOSTNQN" -I 1 -d - >out
	cmp out want
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
stderr_has 'no key on standard input'
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
# another store; one that others can read is refused
passes nvmetls check-tls-key -i -c nqn.test -n "$HOSTNQN" -d "$key" --keystore "$W/other"
[ "$(find other -name '*.key' | wc -l)" = 1 ] || fail 'no key in --keystore'
chmod 755 other
fails 1 nvmetls check-tls-key -i -c nqn.test -n "$HOSTNQN" -d "$key" --keystore "$W/other"
stderr_has "$W/other"
fails 1 nvmetls check-tls-key -i -c nqn.test -n "$HOSTNQN" -d "$key" --keystore /proc/nowhere -o json
jq -e .error.message out >/dev/null || fail 'no error in JSON'
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
