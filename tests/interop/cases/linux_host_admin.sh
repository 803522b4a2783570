#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What nvme-cli asks of a controller, on our target: understood by both sides, without a warning.
# shellcheck source-path=SCRIPTDIR source=../guest/words.sh
. /lab/guest/words.sh

if [ "$TLS" != none ]; then
	tlshd_on
	both_keys
fi
our_target --tls "$TLS" --subsys $NQN --namespace mem:32M --namespace mem:16M --allow-any-host \
	--subsys nqn.other --namespace mem:8M --allow-any-host
silent() { # COMMAND: succeeds, and says nothing on stderr
	local status=0
	printf '# %s\n' "$*"
	"$@" >/run/out 2>/run/err || status=$?
	out=$(tr -d '\0' </run/out)
	head -n 60 /run/out
	[ $status = 0 ] && [ ! -s /run/err ] || fail "exit $status, stderr: $(cat /run/err): $*"
}

if [ "$TLS" != none ]; then
	our_key nqn.other
	linux_key nqn.other
fi
silent nvme discover -t tcp -a 127.0.0.1 -s $S "${TLS_WORD[@]}" -o json
[ "$(jq '.records | length' /run/out)" = 3 ] || fail 'three records: the discovery subsystem and two others'
run nvme connect-all -t tcp -a 127.0.0.1 -s $S "${TLS_WORD[@]}"
soon test -b /dev/nvme0n2 || soon test -b /dev/nvme1n2 || fail 'no second namespace'
for c in /dev/nvme[0-9]; do
	silent nvme id-ctrl "$c"
	says "subnqn    : nqn."
	silent nvme list-ns "$c"
	silent nvme smart-log "$c"
	silent nvme show-regs -H "$c"
	silent nvme error-log "$c"
	silent nvme fw-log "$c"
	silent nvme effects-log "$c"
	silent nvme get-feature "$c" -f 7 -H
	silent nvme get-feature "$c" -f 0xf -H
	silent nvme get-feature "$c" -f 0xb -H
done
for d in /dev/nvme[0-9]n[0-9]; do
	silent nvme id-ns "$d"
	silent nvme ns-descs "$d"
	silent nvme id-ns -o json "$d"
done
silent nvme list
silent nvme list-subsys
run nvme disconnect-all
# asking for what we do not have is refused and harms nothing
connect
refused nvme get-log "${DEV%n1}" -i 0x7e -l 512
refused nvme id-ns "${DEV%n1}" -n 4294967294
refused nvme admin-passthru "${DEV%n1}" --opcode=0xc1
silent nvme id-ctrl "${DEV%n1}"
run nvme reset "${DEV%n1}"
run dd if="$DEV" of=/dev/null bs=64k count=4 iflag=direct
run nvme disconnect -n $NQN
