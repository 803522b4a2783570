#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Programs that are started with standard input, output or error closed: no file of theirs takes the
# place, so that a log line cannot land in an image or in a socket.
. "$(dirname "$0")/lib.sh"

as_user truncate -s 1M image
cp image before
for closed in '2>&-' '<&- 2>&-' '<&- >&- 2>&-' '>&-'; do
	rm -f addr
	"${AS_USER[@]}" sh -c "exec nvmetls-target --listen 127.0.0.1:0 --addr-file '$W/addr' --tls none --subsys nqn.test \
		--namespace '$W/image' --allow-any-host $closed" 2>log <>/dev/null &
	pid=$!
	PIDS+=("$pid")
	wait_for test -s addr
	for fd in 0 1 2; do
		case $(readlink /proc/$pid/fd/$fd) in
		"$W/image" | *socket:* | *anon_inode:*) fail "$closed: descriptor $fd is $(readlink /proc/$pid/fd/$fd)" ;;
		esac
	done
	passes nvmetls id-ctrl -t tcp -a 127.0.0.1 -s "$(sed 's/.*://' addr)" -n nqn.test -q "$HOSTNQN"
	stop
	cmp image before || fail "$closed: the image was written to"
done

# what cannot be said is a failure, not a success
status=0
as_user sh -c 'nvmetls gen-tls-key >&-' 2>err || status=$?
[ $status = 1 ] || fail "gen-tls-key without a standard output: $status"

# a log that nobody reads is no reason to stop: lines are lost and counted
mkfifo pipe
chmod 666 pipe
exec 9<>pipe # holds the pipe open and does not read
"${AS_USER[@]}" sh -c "exec nvmetls-target --listen 127.0.0.1:0 --addr-file '$W/addr2' --tls none --subsys nqn.test \
	--namespace mem:1M --allow-any-host 2>pipe" </dev/null &
pid=$!
PIDS+=("$pid")
wait_for test -s addr2
port=$(sed 's/.*://' addr2)
# two lines each, together more than the 64 KiB of a pipe
for _ in $(seq 250); do
	as_user timeout 10 nvmetls id-ctrl -t tcp -a 127.0.0.1 -s "$port" -n nqn.test -q "$HOSTNQN" >out 2>err ||
		fail "the target stands still: $(cat err)"
done
timeout 2 cat <&9 >lines || true
grep -q 'line(s) lost, nobody read' lines && fail 'it counts what is not lost yet'
passes nvmetls id-ctrl -t tcp -a 127.0.0.1 -s "$port" -n nqn.test -q "$HOSTNQN"
timeout 2 cat <&9 >lines2 || true
grep -q 'line(s) lost, nobody read' lines2 || fail 'lost lines are not counted'
stop
