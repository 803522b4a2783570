#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The kernel's host is refused by our target: ROW says why. The target's log names the cause in one line with the
# next step, nothing hangs, and the next host is served.
# shellcheck source-path=SCRIPTDIR source=../guest/words.sh
. /lab/guest/words.sh

other_key() { run nvme check-tls-key -i -I "$IDENTITY" -n $HOSTNQN -c "$1" -d "$OTHER" "${NVME_COMPAT[@]}"; }
OTHER=NVMeTLSkey-1:01:Hx4dHBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQC3nD5R:
OTHER=$(nvmetls gen-tls-key --hmac 1 --secret 1f1e1d1c1b1a191817161514131211100f0e0d0c0b0a09080706050403020100)
served() { # a host of ours, with the right key or without TLS
	local how=()
	[ "$TARGET_TLS" = none ] || how=(--tls)
	run nvmetls id-ctrl -t tcp -a 127.0.0.1 -s $S -n $NQN -q $HOSTNQN "${how[@]}"
}

TARGET_TLS=required
cause=
our_key $NQN
case $ROW in
wrong-key)
	tlshd_on
	other_key $NQN
	[ "$IDENTITY" = 0 ] && cause=psk-mismatch || cause=psk-unknown
	;;
no-key-on-target)
	tlshd_on
	linux_key $NQN
	rm -rf /run/keys/*
	cause=psk-unknown
	;;
no-key-on-host)
	tlshd_on
	;;
no-daemon)
	linux_key $NQN
	cause=closed-before-clienthello
	;;
plaintext-host)
	TLS_WORD=()
	cause=plaintext-on-tls-port
	;;
plaintext-target)
	tlshd_on
	linux_key $NQN
	TARGET_TLS=none
	cause=tls-on-plaintext-port
	;;
other-hash)
	tlshd_on
	KEY=NVMeTLSkey-1:02:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vcSEgBQ==:
	linux_key $NQN
	cause=psk-unknown
	;;
*) fail "no row $ROW" ;;
esac
our_target --tls $TARGET_TLS --subsys $NQN --namespace mem:16M --allow-any-host
[ "$ROW" = no-key-on-target ] || served
lines=$(wc -l <$LOG)
refused nvme connect -t tcp -a 127.0.0.1 -s $S -n $NQN "${TLS_WORD[@]}"
if [ -n "$cause" ]; then
	log_says "$cause"
	[ "$(tail -n +$((lines + 1)) $LOG | grep -c "$cause")" = 1 ] || fail 'more than one line of it'
fi
if [ "$AGENT" = ours ] && [ -e /run/tlshd.pid ]; then
	case $ROW in
	wrong-key | no-key-on-target | other-hash) agent_says 'handshake failed: psk-refused: ' ;;
	plaintext-target) agent_says 'handshake failed: closed-after-clienthello: ' ;;
	esac
	say 'nvmetls-tlshd says'
	grep -F 'handshake failed' /run/syslog || true
	dmesg | grep -F 'TLS handshake' || true
	agent_idle
fi
say 'our target says'
tail -n +$((lines + 1)) $LOG
[ "$ROW" != no-key-on-target ] || our_key $NQN
[ "$ROW" != no-key-on-target ] || soon nvmetls id-ctrl -t tcp -a 127.0.0.1 -s $S -n $NQN -q $HOSTNQN --tls
served
