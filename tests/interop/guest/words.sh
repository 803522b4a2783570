# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# words.sh - the words of the cases; a case begins with: . /lab/guest/words.sh
#
# A case prints its commands and what they said, and dies at the first that is not as it should be.
#   run COMMAND            must succeed; its output is in $out, too
#   refused COMMAND        must fail within 60 s, by itself and not by a signal
#   says TEXT              $out has that text          says_not TEXT
#   log_says TEXT          our target's log has it, soon
#   na TEXT                this combination cannot be tested, and why (exit 77)
#   our_target ARGS        nvmetls-target on 127.0.0.1:$S, its log in $LOG
#   our_key NQN            $KEY into our key store for that subsystem
#   linux_key NQN          $KEY into the kernel's keyring .nvme
#   linux_target           nvmet: nqn.test on /dev/ram0, ports 4420 (plain), 4421 (tls1.3), 4422 (not required)
#   tlshd_on, tlshd_off    the handshake daemon: tlshd, or nvmetls-tlshd with AGENT=ours
#   agent_says TEXT        nvmetls-tlshd's log has it, soon      agent_idle: nothing is left of the handshakes
#   connect ARGS           nvme connect to nqn.test; the block device is $DEV
# From the environment: TLS=none|required|optional IDENTITY=0|1 HASH=1|2 DERIVATION=rfc|compat DIGESTS=-g|-G|-g -G
# AGENT=theirs|ours
set -eEu -o pipefail

: "${TLS:=none}" "${IDENTITY:=0}" "${HASH:=1}" "${DERIVATION:=rfc}" "${DIGESTS:=}" "${LAB_ROOT:=sid}" "${AGENT:=theirs}"
NQN=nqn.test
DISCOVERY=nqn.2014-08.org.nvmexpress.discovery
HOSTNQN=nqn.2014-08.org.nvmexpress:uuid:6a7b1c0e-3f52-4c8a-9d11-2f3e4d5c6b7a
HOSTID=6a7b1c0e-3f52-4c8a-9d11-2f3e4d5c6b7a
CONFIGFS=/sys/kernel/config/nvmet
export NVMETLS_KEYSTORE=/run/keys
S=14420
LOG=/run/target.log
TARGET=
out=
# shellcheck disable=SC2206 # "-g -G" is two words
DIGESTS=($DIGESTS)

say() { printf '%s\n' "-- $*"; }
fail() {
	printf 'FAILED: %s\n' "$*"
	exit 1
}
na() {
	printf 'n/a: %s\n' "$*"
	exit 77
}

attempt() { # COMMAND: sets $out, returns its status
	local status=0
	printf '# %s\n' "$*"
	"$@" >/run/out 2>&1 || status=$?
	out=$(tr -d '\0' </run/out)
	[ -z "$out" ] || printf '%s\n' "$out" | head -n 60
	return $status
}
run() {
	local status=0
	attempt "$@" || status=$?
	[ $status = 0 ] || fail "exit $status: $*"
}
refused() {
	local status=0
	attempt timeout -k 5 60 "$@" || status=$?
	[ $status != 0 ] || fail "not refused: $*"
	[ $status -lt 124 ] || fail "hung or killed ($status): $*"
}
says() { [[ $out == *"$1"* ]] || fail "'$1' is not in the output"; }
says_not() { [[ $out != *"$1"* ]] || fail "'$1' is in the output"; }
soon() { # COMMAND: within 20 s
	local end=$((SECONDS + 20))
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.1
	done
}
log_says() { soon grep -qF -e "$1" $LOG || fail "our target's log has no '$1'"; }
log_lacks() { ! grep -qF -e "$1" $LOG || fail "our target's log has '$1'"; }

cleanup() {
	local status=$?
	trap - EXIT ERR
	set +e
	umount /mnt 2>/dev/null
	timeout 30 nvme disconnect-all >/dev/null 2>&1
	if [ $status != 0 ] && [ $status != 77 ]; then
		bash /lab/guest/diagnose.sh
	fi
	our_target_off || { say 'our target did not stop'; status=1; }
	tlshd_off
	linux_target_off
	keyctl clear %:.nvme 2>/dev/null
	rm -rf /run/keys /run/image $LOG
	: >/run/syslog
	# a kernel that complained is a finding, whatever the case thought
	if dmesg | grep -qE 'Oops|BUG:|WARNING:'; then
		say 'the kernel complained'
		dmesg | grep -A12 -E 'Oops|BUG:|WARNING:' | head -n 30
	fi
	exit $status
}
trap cleanup EXIT
trap 'exit 143' TERM
trap 'printf "FAILED: line %s: %s\n" "$LINENO" "$BASH_COMMAND"' ERR

prepare() {
	dmesg -C
	for m in nvme-tcp nvme-fabrics tls gcm aesni-intel; do
		modprobe $m 2>/dev/null || true
	done
	echo $HOSTNQN >/etc/nvme/hostnqn
	echo $HOSTID >/etc/nvme/hostid
	install -d -m 700 /run/keys
	if [ "$HASH" = 1 ]; then
		KEY=NVMeTLSkey-1:01:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh+KfiaR:
	else
		KEY=NVMeTLSkey-1:02:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vcSEgBQ==:
	fi
	NVME_COMPAT=() OUR_COMPAT=()
	if [ "$DERIVATION" = compat ]; then
		OUR_COMPAT=(--compat)
		[ "$LAB_ROOT" = trixie ] || NVME_COMPAT=(--compat)
	fi
	TLS_WORD=()
	[ "$TLS" = none ] || TLS_WORD=(--tls)
}

# --- keys ---

our_key() {
	run nvmetls check-tls-key -i -I "$IDENTITY" -n $HOSTNQN -c "$1" -d "$KEY" "${OUR_COMPAT[@]}"
}
linux_key() {
	run nvme check-tls-key -i -I "$IDENTITY" -n $HOSTNQN -c "$1" -d "$KEY" "${NVME_COMPAT[@]}"
}
both_keys() {
	for n in $NQN $DISCOVERY; do
		our_key "$n"
		linux_key "$n"
	done
}

# A handshake child of tlshd links .nvme into a session keyring that all share, and unlinks it when it is done:
# of several at once some do not find the key. With .nvme below another keyring of the list it stays there.
tlshd_on() {
	local ring
	if [ "$AGENT" = ours ]; then
		agent_on
		return
	fi
	ring=$(keyctl newring nvmetls-lab @u)
	keyctl setperm "$ring" 0x3f3f0000
	keyctl link %:.nvme %:nvmetls-lab
	mkdir -p /etc/tlshd
	printf '[debug]\nloglevel=7\n[authenticate]\nkeyrings=.nvme;nvmetls-lab\n[authenticate.client]\n[authenticate.server]\n' |
		tee /etc/tlshd.conf >/etc/tlshd/config
	tlshd -s >/run/tlshd.out 2>&1 &
	echo $! >/run/tlshd.pid
	sleep 1
}
# Ours, in its place.
agent_on() { # OPTIONS
	[ $# -gt 0 ] || set -- --keystore none # the store is the other end's, here
	mkdir -p /etc/tlshd
	printf '[debug]\nloglevel=7\n[authenticate]\nkeyrings=.nvme\n' >/etc/tlshd/config
	say "nvmetls-tlshd $*"
	nvmetls-tlshd "$@" >>/run/syslog 2>&1 </dev/null &
	echo $! >/run/tlshd.pid
	soon nvmetls-tlshd --status || fail 'nvmetls-tlshd did not start'
}
agent_says() { soon grep -qF -e "$1" /run/syslog || fail "nvmetls-tlshd's log has no '$1'"; }
# Nothing is left of the handshakes: no worker, no descriptor, as many sessions as there were.
agent_idle() {
	local pid
	pid=$(cat /run/tlshd.pid)
	soon bash -c "! pgrep -P $pid" || fail "nvmetls-tlshd still has children"
	run nvmetls-tlshd --status
	says 'workers           0 of'
	says 'workers that died 0'
	[ "$(find "/proc/$pid/fd" | wc -l)" -le 10 ] || fail "nvmetls-tlshd keeps descriptors: $(ls -l "/proc/$pid/fd")"
}
tlshd_off() {
	[ -e /run/tlshd.pid ] || return 0
	kill "$(cat /run/tlshd.pid)" 2>/dev/null
	rm /run/tlshd.pid
}

# --- targets ---

our_target() {
	say "nvmetls-target $*"
	nvmetls-target --listen 127.0.0.1:$S "$@" >>$LOG 2>&1 </dev/null &
	TARGET=$!
	soon bash -c "exec 3<>/dev/tcp/127.0.0.1/$S" || fail 'our target did not start'
}
our_target_off() { # fails if SIGTERM does not end it within 20 s
	local n=0
	[ -n "$TARGET" ] || return 0
	kill "$TARGET" 2>/dev/null || true
	while kill -0 "$TARGET" 2>/dev/null; do
		n=$((n + 1))
		[ $n -lt 200 ] || {
			kill -9 "$TARGET"
			TARGET=
			return 1
		}
		sleep 0.1
	done
	wait "$TARGET" || say "our target ended with $?"
	TARGET=
}

linux_port() { # ID SERVICE TSAS [TREQ]
	local p=$CONFIGFS/ports/$1
	mkdir "$p"
	echo ipv4 >"$p/addr_adrfam"
	echo tcp >"$p/addr_trtype"
	echo 127.0.0.1 >"$p/addr_traddr"
	echo "$2" >"$p/addr_trsvcid"
	[ "$3" = none ] || echo "$3" >"$p/addr_tsas"
	[ -z "${4-}" ] || echo "$4" >"$p/addr_treq"
	ln -s $CONFIGFS/subsystems/$NQN "$p/subsystems/"
}
linux_target() {
	say "nvmet: $NQN on /dev/ram0, ports 4420 plain, 4421 tls1.3, 4422 tls1.3 not required"
	modprobe nvmet
	modprobe nvmet-tcp
	modprobe brd rd_nr=1 rd_size=32768
	local s=$CONFIGFS/subsystems/$NQN
	mkdir "$s"
	echo 1 >"$s/attr_allow_any_host"
	mkdir "$s/namespaces/1"
	echo /dev/ram0 >"$s/namespaces/1/device_path"
	echo 1 >"$s/namespaces/1/enable"
	linux_port 1 4420 none
	linux_port 2 4421 tls1.3
	linux_port 3 4422 tls1.3 'not required'
}
linux_target_off() {
	local d
	[ -d $CONFIGFS/ports ] || return 0
	for d in $CONFIGFS/ports/*/subsystems/*; do [ ! -e "$d" ] || rm "$d"; done
	for d in $CONFIGFS/ports/* $CONFIGFS/subsystems/*/namespaces/* $CONFIGFS/subsystems/*; do
		[ ! -d "$d" ] || rmdir "$d"
	done 2>/dev/null
	return 0
}
# The port of linux_target that fits $TLS.
linux_service() {
	case $TLS in none) echo 4420 ;; required) echo 4421 ;; optional) echo 4422 ;; esac
}

# --- the kernel's host ---

device() { # sets $DEV once the namespace is there
	local end=$((SECONDS + 20))
	DEV=
	while [ -z "$DEV" ] && [ $SECONDS -lt $end ]; do
		DEV=$(compgen -G '/dev/nvme*n1' | head -n 1) || sleep 0.1
	done
	[ -n "$DEV" ] || fail 'no block device appeared'
	run blockdev --getsize64 "$DEV"
}
connect() {
	run nvme connect -t tcp -a 127.0.0.1 -s $S -n $NQN "${TLS_WORD[@]}" "${DIGESTS[@]}" "$@"
	device
}

prepare
