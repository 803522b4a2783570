#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Without TLS, with header and data digests, in-capsule and R2T writes come back as written.
. "$(dirname "$0")/lib.sh"

start_target --tls none --subsys nqn.test --namespace mem:64M --host "$HOSTNQN"
at=(-t tcp -a "$A" -s "$S" -n nqn.test -q "$HOSTNQN")

for digests in '' -g -G '-g -G'; do
	for work in 'randwrite 4k 32' 'randrw 512 8' 'write 256k 8' 'randrw 1M 4'; do
		read -r rw bs depth <<<"$work"
		# shellcheck disable=SC2086
		passes nvmetls perf "${at[@]}" $digests --rw "$rw" --bs "$bs" --iodepth "$depth" --size 16M \
			--runtime 1 --verify
	done
done
passes nvmetls perf "${at[@]}" --disable-sqflow --rw randrw --bs 4k --iodepth 32 --size 8M --runtime 1 --verify
passes nvmetls perf "${at[@]}" --rw trim --bs 64k --iodepth 4 --size 8M --runtime 1
log_lacks 'closed: '
stop
