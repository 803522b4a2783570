#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The agent or one of its workers is killed in the middle of a handshake: that handshake fails within the kernel's time,
# the next is good; two agents at once are refused; after a kill the next agent starts cleanly.
# shellcheck source-path=SCRIPTDIR source=../guest/words.sh
. /lab/guest/words.sh

linux_target
tlshd_on
linux_key $NQN
silent() { exec 5<>/dev/tcp/127.0.0.1/4421; } # a host that connects and says nothing
half() { # one whose ClientHello does not end: the target's worker waits for the rest
	silent
	printf '\x16\x03\x01\x01\x00half' >&5
}
S=4421
workers() { pgrep -P "$(cat /run/tlshd.pid)"; }

say 'two agents'
refused nvmetls-tlshd
says 'another nvmetls-tlshd runs'

say 'a worker dies'
half
soon workers || fail 'no worker'
kill -SEGV "$(workers)"
agent_says 'the worker process died (signal 11)'
exec 5>&-
run nvmetls-tlshd --status
says 'workers that died 1'
connect -i 1
run nvme disconnect -n $NQN

say 'a silent host'
silent
! workers || fail "a worker waits for it"
connect -i 1 # is served beside it
run nvme disconnect -n $NQN
agent_says 'no ClientHello came'
exec 5>&-

say 'a host that does not go on'
half
soon workers || fail 'no worker'
agent_says 'handshake failed: handshake-timeout: the TLS handshake took too long; '
exec 5>&-

say 'the agent dies in a handshake'
half
soon workers || fail 'no worker'
kill -KILL "$(cat /run/tlshd.pid)"
refused nvme connect -t tcp -a 127.0.0.1 -s 4421 -n $NQN --tls
sleep 11 # the kernel's own time is 10 s
exec 5>&-
agent_on
connect -i 1
run nvme disconnect -n $NQN
agent_idle
say 'it ends when it is told to'
kill "$(cat /run/tlshd.pid)"
soon bash -c "! kill -0 $(cat /run/tlshd.pid)" || fail 'it did not end'
[ ! -e /run/nvmetls-tlshd.sock ] || fail 'its socket is left'
