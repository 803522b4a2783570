#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# DH-HMAC-CHAP keys: what nvme-cli 2 printed for 34 vectors is what we print or refuse, with --compat;
# how a key was made is told; Debian's nvme-cli takes our keys and makes the same.
. "$(dirname "$0")/lib.sh"
requires jq

n=0
while IFS=$'\t' read -r hmac length nqn secret rc key; do
	if [ "$rc" != 0 ]; then
		fails 2 nvmetls gen-dhchap-key -m "$hmac" -l "$length" -n "$nqn" -s "$secret"
		stderr_has "nvalid key length $length for SHA("
		continue
	fi
	passes nvmetls gen-dhchap-key -m "$hmac" -l "$length" -n "$nqn" -s "$secret" --compat
	[ "$(cat out)" = "$key" ] || fail "--compat -m $hmac -s $secret: $(cat out)"
	passes nvmetls check-dhchap-key -k "$key" -s "$secret" -n "$nqn" -o json
	want=transformed
	[ "$hmac" != 0 ] || want=secret
	[ "$(jq -r .form out)" = $want ] || fail "form of $key: $(cat out)"

	passes nvmetls gen-dhchap-key -m "$hmac" -n "$nqn" -s "$secret"
	key=$(cat out)
	[ "$(base64 -d <<<"${key:10:-1}" | head -c "$length" | od -An -v -tx1 | tr -d ' \n')" = "$secret" ] || fail "$key"
	passes nvmetls check-dhchap-key -k "$key" -s "$secret" -n "$nqn"
	[ "$(sed -n 2p out)" = 'Key holds the secret' ] || fail "$(cat out)"
	fails 1 nvmetls check-dhchap-key -k "$key" -s "ff${secret:2}" -n "$nqn"
	stderr_has 'was not made from this secret'
	n=$((n + 1))
done < <(jq -r '(.dhchap_sid + .dhchap_trixie)[] | [.hmac, .length, .nqn, .secret, .rc, .key // ""] | @tsv' \
	"$VECTORS/nvme-cli.json")
[ $n = 18 ] || fail "$n vectors"

while IFS=$'\t' read -r key output; do
	passes nvmetls check-dhchap-key -k "$key"
	[ "$(cat out)" = "$output" ] || fail "$key: $(cat out)"
	echo "$key" | as_user nvmetls check-dhchap-key >out
	[ "$(cat out)" = "$output" ] || fail "$key on standard input: $(cat out)"
done < <(jq -r '(.dhchap_check_sid + .dhchap_check_trixie)[] | [.key, .output] | @tsv' "$VECTORS/nvme-cli.json")

# random ones: as long as they have to be, and never the same
for args in '' '-m 1' '-m 2' '-m 3' '-l 48' '-m 0 -l 64'; do
	passes nvmetls gen-dhchap-key $args
	key=$(cat out)
	passes nvmetls gen-dhchap-key $args
	[ "$key" != "$(cat out)" ] || fail "twice the same key: $args"
	as_user sh -c 'cat >key' <out
	passes nvmetls check-dhchap-key -f "$W/key"
	echo "$args: $(sed "s|CRC .*|CRC)|" out)"
done >lengths
diff lengths - <<'END' || fail 'lengths of random keys'
: Key is valid (HMAC 0, length 32, CRC)
-m 1: Key is valid (HMAC 1, length 32, CRC)
-m 2: Key is valid (HMAC 2, length 48, CRC)
-m 3: Key is valid (HMAC 3, length 64, CRC)
-l 48: Key is valid (HMAC 0, length 48, CRC)
-m 0 -l 64: Key is valid (HMAC 0, length 64, CRC)
END

# what is refused, in one line and without the key
good=DHHC-1:01:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh+KfiaR:
passes nvmetls check-dhchap-key -k $good
for bad in "${good%:}" "B${good#D}" "${good/AAEC/BAEC}" DHHC-1:04:"${good#DHHC-1:01:}" NVMeTLSkey-1:01:"${good#DHHC-1:01:}" x; do
	fails 1 nvmetls check-dhchap-key -k "$bad"
	[ "$(wc -l <err)" = 1 ] || fail "$bad: not one line: $(cat err)"
	! grep -q AwQF err out || fail 'the key was printed'
done
fails 2 nvmetls gen-dhchap-key -m 4
fails 2 nvmetls gen-dhchap-key -l 33
fails 2 nvmetls gen-dhchap-key -s 0011
fails 2 nvmetls gen-dhchap-key -s "$(printf '%064d' 0)" -l 48
fails 2 nvmetls gen-dhchap-key -m 1 --compat
stderr_has '--compat needs --nqn'
fails 2 nvmetls gen-dhchap-key -n host
fails 2 nvmetls check-dhchap-key -k $good -s "$(printf '%064d' 0)"
fails 2 nvmetls check-dhchap-key -k $good -f "$W/key"

# Debian's nvme-cli and ours
if command -v nvme >/dev/null; then
	secret=000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
	for hmac in 0 1; do
		nvme gen-dhchap-key /dev/null -m $hmac -s $secret -n "$HOSTNQN" >theirs 2>&1 || fail "$(cat theirs)"
		passes nvmetls gen-dhchap-key -m $hmac -s $secret -n "$HOSTNQN" --compat
		diff theirs out || fail "nvme makes another key: $(cat theirs)"
	done
	for hmac in 0 1 2 3; do
		passes nvmetls gen-dhchap-key -m $hmac
		key=$(cat out)
		nvme check-dhchap-key /dev/null -k "$key" >theirs 2>&1 || fail "nvme refuses our key: $(cat theirs)"
		passes nvmetls check-dhchap-key -k "$key"
		diff theirs out || fail "nvme checks otherwise: $(cat theirs)"
	done
fi
