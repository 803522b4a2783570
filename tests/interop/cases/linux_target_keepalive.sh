#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A quiet host of ours stays connected to the kernel's target, many times its keep-alive timeout.
# shellcheck source-path=SCRIPTDIR source=../guest/words.sh
. /lab/guest/words.sh

linux_target
if [ "$TLS" != none ]; then
	tlshd_on
	both_keys
fi
S=$(linux_service)
at=(-t tcp -a 127.0.0.1 -s "$S" -q "$HOSTNQN" "${TLS_WORD[@]}" -n "$NQN")
# one read a second at most: for the rest of the time only Keep Alive speaks
run nvmetls perf "${at[@]}" --rw randread --bs 4k --iodepth 1 --rate-iops 1 --keep-alive-tmo 5 \
	--runtime "${SECONDS_LONG:-30}"
dmesg | grep -iE 'keep-alive|timer .*expired' && fail 'the target missed a Keep Alive'
true
