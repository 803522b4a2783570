#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The kernel's target refuses our host: ROW says why. One line with the cause and the next step, soon.
# shellcheck source-path=SCRIPTDIR source=../guest/words.sh
. /lab/guest/words.sh

S=4421
tls=(--tls)
linux_target
case $ROW in
wrong-key)
	tlshd_on
	linux_key $NQN
	KEY=$(nvmetls gen-tls-key --hmac 1 --secret 1f1e1d1c1b1a191817161514131211100f0e0d0c0b0a09080706050403020100)
	our_key $NQN
	cause=closed-after-clienthello
	;;
no-key-on-target)
	tlshd_on
	our_key $NQN
	cause=closed-after-clienthello
	;;
no-key-on-host)
	tlshd_on
	linux_key $NQN
	cause=psk-missing
	;;
no-daemon)
	linux_key $NQN
	our_key $NQN
	cause=closed-after-clienthello
	;;
plaintext-host)
	tlshd_on
	tls=()
	cause=closed-after-icreq
	;;
plaintext-target)
	our_key $NQN
	S=4420
	cause=closed-after-clienthello
	;;
other-hash)
	tlshd_on
	linux_key $NQN
	KEY=NVMeTLSkey-1:02:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vcSEgBQ==:
	our_key $NQN
	cause=closed-after-clienthello
	;;
*) fail "no row $ROW" ;;
esac
agent=
if [ "$AGENT" = ours ]; then # it answers with an alert and names the cause
	case $ROW-$IDENTITY in
	wrong-key-0) agent=psk-mismatch cause=psk-refused ;;
	wrong-key-1 | no-key-on-target-* | other-hash-*) agent=psk-unknown cause=psk-refused ;;
	plaintext-host-*) agent=plaintext-on-tls-port ;;
	esac
fi
at=(-t tcp -a 127.0.0.1 -s "$S" -n "$NQN" -q "$HOSTNQN" "${tls[@]}")
began=$SECONDS
refused nvmetls id-ctrl "${at[@]}"
[ $((SECONDS - began)) -lt 15 ] || fail "it took $((SECONDS - began)) s"
[ "$(wc -l </run/out)" = 1 ] || fail 'not one line'
said=$({ nvmetls id-ctrl "${at[@]}" -o json 2>/dev/null || true; } | jq -r .error.cause) || fail 'no JSON'
say "cause: $said"
[[ " $cause " == *" $said "* ]] || fail "the cause is $said, not $cause"
if [ -n "$agent" ]; then
	agent_says "from host 127.0.0.1:"
	agent_says "handshake failed: $agent: "
fi
if [ "$AGENT" = ours ] && [ "$ROW" != no-daemon ]; then
	say 'nvmetls-tlshd says'
	grep -F 'handshake failed' /run/syslog || true
	[ ! -e /run/tlshd.pid ] || agent_idle
fi
