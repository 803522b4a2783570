# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# lib.sh - the words of the integration scripts. Source it first: . "$(dirname "$0")/lib.sh"
#
# A script runs in an empty directory of its own, with $BUILD's programs in PATH, and dies at the
# first command that fails. Started as root, every program runs as an ordinary user. On failure
# the directory is kept and the logs of the started programs are printed.
#
#   start PROGRAM ARGS     in the background; its pid is $pid, its stderr $log
#   start_target ARGS      nvmetls-target on a free port of 127.0.0.1, waits for it; sets $A $S
#   start_again ARGS       the same where the last one was, also right after it was killed
#   stop [PID]             SIGTERM, and it must exit 0 within 10 s (default: the last started)
#   kill_hard [PID]        SIGKILL
#   wait_for COMMAND       until it succeeds, 10 s at most ($WAIT_S)
#   passes COMMAND         exit code 0;  stdout in ./out, stderr in ./err
#   fails CODE COMMAND     exactly that exit code
#   stdout_has TEXT, stderr_has TEXT, log_has TEXT [LOG], log_lacks TEXT [LOG]
#   requires PROGRAM       else skip
#   make_key [NQN]         a TLS PSK for $HOSTNQN and NQN (default nqn.test) in the key store
#   fail TEXT, skip TEXT
set -eEu -o pipefail
umask 077

: "${BUILD:=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/build}"
: "${SRC:=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}"
: "${VECTORS:=$SRC/tests/vectors}"
: "${WAIT_S:=10}"
export BUILD SRC VECTORS
TEST_NAME=$(basename "$0" .sh)${NVMETLS_LOOP:+-$NVMETLS_LOOP}
ORDINARY=65534

PIDS=() LOGS=() pid='' log=''

W=$(mktemp -d "${TMPDIR:-/tmp}/nvmetls-$TEST_NAME.XXXXXX")
cd "$W"

# An array, not only a function: in the background the shell then becomes the program itself.
AS_USER=(env --)
[ "$(id -u)" != 0 ] || AS_USER=(setpriv --reuid="$ORDINARY" --regid="$ORDINARY" --clear-groups --)
as_user() { "${AS_USER[@]}" "$@"; }

say() { printf '%s: %s\n' "$TEST_NAME" "$*" >&2; }

fail() {
	say "FAILED: $*"
	exit 1
}

skip() {
	say "skipped: $*"
	exit 77
}

# What a sanitizer, an assert or glibc says in a log is a failure, whatever the exit code was.
CRASH='Sanitizer|runtime error:|Assertion .* failed|buffer overflow detected|stack smashing'

end_process() { # PID SIGNAL: end it and wait; 10 s, then it is killed and that is a failure
	local n=0
	kill "-$2" "$1" 2>/dev/null || true
	while kill -0 "$1" 2>/dev/null && [ $n -lt 100 ]; do
		sleep 0.1
		n=$((n + 1))
	done
	if kill -0 "$1" 2>/dev/null; then
		kill -KILL "$1" 2>/dev/null || true
		wait "$1" 2>/dev/null || true
		return 124
	fi
	wait "$1" 2>/dev/null
}

cleanup() {
	local status=$? p f
	trap - EXIT ERR
	set +e
	for p in "${PIDS[@]}"; do
		kill -0 "$p" 2>/dev/null || continue
		end_process "$p" TERM
		if [ $? = 124 ]; then
			say "FAILED: process $p did not stop"
			status=1
		fi
	done
	for f in "${LOGS[@]}" err; do
		if [ -s "$f" ] && grep -Eq "$CRASH" "$f"; then
			say "FAILED: a program crashed, see $f"
			status=1
		fi
	done
	if [ $status = 0 ] || [ $status = 77 ]; then
		cd / && rm -rf "$W"
		exit $status
	fi
	for f in "${LOGS[@]}" out err; do
		[ -s "$f" ] || continue
		echo "--- $f" >&2
		tail -n 40 "$f" >&2
	done
	say "directory kept: $W"
	exit $status
}
trap cleanup EXIT
trap 'say "line $LINENO: exit $?: $BASH_COMMAND"' ERR
trap 'exit 130' INT
trap 'exit 143' TERM

# The ordinary user may not reach a clone below /root: then it gets copies.
PROGRAMS=$BUILD
if [ "$(id -u)" = 0 ]; then
	chown $ORDINARY:$ORDINARY "$W"
	if ! as_user test -x "$BUILD/nvmetls" || ! as_user test -r "$SRC/meson.build"; then
		mkdir -p bin/tests/integ
		for f in "$BUILD"/nvmetls "$BUILD"/nvmetls-host "$BUILD"/nvmetls-target "$BUILD"/tests/integ/*; do
			[ -f "$f" ] && [ -x "$f" ] && cp "$f" "bin/${f#"$BUILD"/}"
		done
		[ -d "$VECTORS" ] && cp -r "$VECTORS" vectors && VECTORS=$W/vectors
		chown -R $ORDINARY:$ORDINARY bin
		[ -d vectors ] && chown -R $ORDINARY:$ORDINARY vectors
		PROGRAMS=$W/bin
	fi
fi
export PATH="$PROGRAMS:$PROGRAMS/tests/integ:$PATH:/usr/sbin:/sbin"
export HOME=$W TMPDIR=$W XDG_CONFIG_HOME=$W/config NVMETLS_KEYSTORE=$W/keys
HOSTNQN=nqn.2014-08.org.nvmexpress:uuid:6a7b1c0e-3f52-4c8a-9d11-2f3e4d5c6b7a
# shellcheck disable=SC2034 # for the scripts
DISCOVERY=nqn.2014-08.org.nvmexpress.discovery

requires() {
	command -v "$1" >/dev/null || skip "$1 is not installed"
}

for program in nvmetls nvmetls-target; do
	command -v $program >/dev/null || fail "$program is not built in $BUILD"
done

start() {
	log=$W/${1##*/}.${#PIDS[@]}.log
	: >"$log"
	"${AS_USER[@]}" "$@" >"$log.out" 2>>"$log" </dev/null &
	pid=$!
	PIDS+=("$pid")
	LOGS+=("$log")
}

start_target() {
	rm -f addr
	start nvmetls-target --listen 127.0.0.1:0 --addr-file "$W/addr" "$@"
	wait_for test -s addr
	S=$(cat addr)
	A=${S%:*}
	S=${S##*:}
	export A S
}

# What the kernel does for a killed one, with io_uring, ends a little later: port and image are in use till then.
start_again() {
	local n
	for n in $(seq 50); do
		rm -f addr
		start nvmetls-target --listen "$A:$S" --addr-file "$W/addr" "$@"
		until [ -s addr ] || ! kill -0 "$pid" 2>/dev/null; do
			sleep 0.02
		done
		[ ! -s addr ] || return 0
		grep -Eq 'Address already in use|in use by another process' "$log" || break
		sleep 0.1
	done
	fail "the target did not start again ($n)"
}

wait_for() {
	local end=$((SECONDS + WAIT_S))
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || fail "waited $WAIT_S s for: $*"
		[ -z "$pid" ] || kill -0 "$pid" 2>/dev/null || {
			"$@" >/dev/null 2>&1 && return
			fail "the program started last ended while waiting for: $*"
		}
		sleep 0.05
	done
}

stop() {
	local status=0
	end_process "${1:-$pid}" TERM || status=$?
	[ $status = 0 ] || fail "process ${1:-$pid} ended with $status after SIGTERM"
	[ "${1:-$pid}" != "$pid" ] || pid=
}

kill_hard() {
	end_process "${1:-$pid}" KILL || true
	[ "${1:-$pid}" != "$pid" ] || pid=
}

fails() {
	local want=$1 status=0
	shift
	as_user "$@" >out 2>err </dev/null || status=$?
	! grep -Eq "$CRASH" err || fail "crashed: $*"
	[ $status = "$want" ] || fail "exit $status, not $want: $*"
}

passes() { fails 0 "$@"; }

has() { # FILE TEXT
	grep -qF -e "$2" -- "$1" || fail "$1 lacks '$2'"
}

stdout_has() { has out "$1"; }
stderr_has() { has err "$1"; }
log_has() { wait_for grep -qF -e "$1" -- "${2:-$log}"; }
log_lacks() { ! grep -qF -e "$1" -- "${2:-$log}" || fail "${2:-$log} has '$1'"; }

make_key() {
	passes nvmetls gen-tls-key --hmac 1 --subsysnqn "${1:-nqn.test}" --hostnqn "$HOSTNQN"
	mv out key
	passes nvmetls check-tls-key -i --subsysnqn "${1:-nqn.test}" --hostnqn "$HOSTNQN" \
		--keydata "$(cat key)"
}

if [ "${NVMETLS_LOOP-}" = uring ] && ! as_user has-uring; then
	skip 'this kernel, or the container, has no io_uring for ordinary users'
fi
