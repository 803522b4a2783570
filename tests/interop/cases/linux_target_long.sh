#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# More than 5 GiB through one TLS session of our host on the kernel's target, then verified.
# shellcheck source-path=SCRIPTDIR source=../guest/words.sh
. /lab/guest/words.sh

linux_target
tlshd_on
both_keys
S=$(linux_service)
at=(-t tcp -a 127.0.0.1 -s "$S" -q "$HOSTNQN" "${TLS_WORD[@]}" -n "$NQN")
moved=0
run nvmetls perf "${at[@]}" --rw write --bs 1M --iodepth 4 --size 24M --runtime "${SECONDS_LONG:-600}" -o json
moved=$(jq '[.jobs[] | .write.io_bytes + .read.io_bytes] | add' /run/out)
say "moved $moved bytes"
[ "$moved" -gt 5368709120 ] || na "only $moved bytes in the time given: too slow an emulation"
run nvmetls perf "${at[@]}" --rw randwrite --bs 64k --iodepth 4 --size 16M --runtime 2 --verify
says 'all good'
