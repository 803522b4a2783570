#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The kernel's target takes a namespace away while our host writes to it: a named error, no hang.
# shellcheck source-path=SCRIPTDIR source=../guest/words.sh
. /lab/guest/words.sh

linux_target
if [ "$TLS" != none ]; then
	tlshd_on
	both_keys
fi
S=$(linux_service)
at=(-t tcp -a 127.0.0.1 -s "$S" -q "$HOSTNQN" "${TLS_WORD[@]}" -n "$NQN")
(sleep 4 && echo 0 >$CONFIGFS/subsystems/$NQN/namespaces/1/enable) &
taking=$!
refused nvmetls perf "${at[@]}" --rw randwrite --bs 4k --iodepth 8 --runtime 30
says 'nvmetls: perf: NVMe status:'
says_not 'Assertion'
wait $taking
echo 1 >$CONFIGFS/subsystems/$NQN/namespaces/1/enable
run nvmetls perf "${at[@]}" --rw randwrite --bs 4k --iodepth 8 --runtime 1 --size 4M --verify
says 'all good'
