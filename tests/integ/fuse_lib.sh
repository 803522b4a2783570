# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# fuse_lib.sh - lib.sh for scripts with devices. Source it in its place: . "$(dirname "$0")/fuse_lib.sh"
#
#   device    sets X, the connection's name, R, the directory, and D, its first device

# Root's /dev/fuse may be closed to ordinary users: then there is another one, for this script only.
if [ "$(id -u)" = 0 ] && [ -z "${FUSE_NAMESPACE-}" ] && unshare -m true 2>/dev/null; then
	FUSE_NAMESPACE=1 exec unshare -m --propagation private bash "$0" "$@"
fi
# shellcheck source=tests/integ/lib.sh
. "$(dirname "$0")/lib.sh"
requires fusermount3
requires mkfs.ext4
requires jq
if [ -n "${FUSE_NAMESPACE-}" ] && [ -c /dev/fuse ]; then
	mkdir dev
	if ! { mount -t tmpfs -o mode=755 none dev && mknod dev/fuse c 10 229 && chmod 666 dev/fuse &&
		mount --bind dev/fuse /dev/fuse; }; then
		umount -l dev 2>/dev/null || true
		skip 'no /dev/fuse of our own'
	fi
	umount -l dev
	rmdir dev
fi
as_user sh -c ': <>/dev/fuse' 2>/dev/null || skip 'this user may not open /dev/fuse'

export XDG_RUNTIME_DIR=$W/run
R=$XDG_RUNTIME_DIR/nvmetls
as_user mkdir -m 700 run

# Hosts are in the background: whatever happens, none stays.
end_hosts() {
	local status=$? f
	trap - ERR
	set +e
	for f in "$R"/*.pid; do
		[ -s "$f" ] && kill -KILL "$(cat "$f")" 2>/dev/null
	done
	as_user nvmetls list >/dev/null 2>&1
	(exit $status)
	cleanup
}
trap end_hosts EXIT

device() {
	X=$(cd "$R" && echo nvme*.pid)
	X=${X%.pid}
	# shellcheck disable=SC2034 # for the scripts
	D=$R/${X}n1
}
