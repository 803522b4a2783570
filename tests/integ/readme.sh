#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The commands under "What it looks like" in the README do what it says, as they stand there.
. "$(dirname "$0")/lib.sh"

sed -n '/^## What it looks like/,/^## What there is/s/^    \$ //p' "$SRC/README.md" >commands
[ "$(wc -l <commands)" -ge 8 ] || fail "no commands in the README: $(cat commands)"
head -n 1 commands | grep -q '^export PATH=' || fail 'where the programs are comes first'
# not 4420, which may be in use; and the programs of this build
port=$((20000 + $$ % 12000))
sed -i "1d; s/4420/$port/g" commands
{
	echo 'unset NVMETLS_KEYSTORE XDG_CONFIG_HOME; n=0'
	while read -r line; do
		printf '%s\necho "$? %s" >>states\n' "$line" "${line%% *}"
		case $line in
		*'&') echo "until grep -q listening target.log || [ \$n = 100 ]; do sleep 0.1; n=\$((n + 1)); done" ;;
		esac
	done < <(sed 's/&$/2>target.log \&/' commands)
	echo 'kill %1; wait %1'
} >script
passes bash -c "$(cat script)"
[ "$(tail -n 1 states)" = '1 nvmetls' ] || fail "without TLS: $(cat states)"
! sed '$d' states | grep -v '^0 ' || fail "a command failed: $(cat states)"
stdout_has 'Discovery Log Number of Records 2'
stdout_has 'subnqn:  nqn.test'
stdout_has 'checked, all good'
stderr_has "$(sed -n 's/^    nvmetls: id-ctrl: 127.0.0.1:4420: //p' "$SRC/README.md")"
