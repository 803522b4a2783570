#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Manual pages and programs agree: every verb and option of one is in the other, and every function.
. "$(dirname "$0")/lib.sh"

# options that a page describes: "Fl -name"; that a help shows: "--name"
in_page() { grep -oE 'Fl -[a-z][a-z-]+' "$SRC/man/$1" | sed 's/Fl -/--/' | sort -u; }
in_help() { grep -oE '^ +(-[A-Za-z], )?--[a-z][a-z-]+' | grep -oE -- '--[a-z-]+' | sort -u; }
agree() { # WHAT PAGE
	diff "page" "help" >differ || fail "$1 and $2 differ (< page, > program): $(grep '^[<>]' differ | tr '\n' ' ')"
}

as_user nvmetls help >out
sed -n 's/^  \([a-z-]*\)  .*/\1/p' out | sort >verbs
[ "$(wc -l <verbs)" -ge 15 ] || fail 'nvmetls help lists too few verbs'
while read -r verb; do
	grep -Eq "^\.(It )?Cm (.* )?$verb( |\$)" "$SRC/man/nvmetls.1" || fail "nvmetls(1) lacks the verb $verb"
	as_user nvmetls help "$verb" >>options
	[ "$verb" = help ] || as_user nvmetls "$verb" --help >/dev/null
done <verbs
grep '^\.It Cm' "$SRC/man/nvmetls.1" | grep -oE '[a-z]+(-[a-z]+)*$' | sort -u >described
[ -z "$(comm -13 verbs described)" ] || fail "nvmetls(1) describes verbs that are not there: $(comm -13 verbs described)"

in_page nvmetls.1 >page
in_help <options | grep -vx -- --help >help
agree 'nvmetls(1)' nvmetls
# and the letters
grep -oE '^ +-[A-Za-z], ' options | tr -d ' ,-' | sort -u | grep -vx h >letters
while read -r letter; do
	grep -qE "Fl $letter( |\$)" "$SRC/man/nvmetls.1" || fail "nvmetls(1) lacks -$letter"
done <letters

# nvmetls-host has the options that address a controller, which nvmetls(1) describes, and its own
in_page nvmetls-host.8 | grep -vxE -- '--(tls|force)' >page
as_user nvmetls id-ctrl --help | in_help >addressing
as_user nvmetls-host --help | in_help | grep -vxFf addressing >help
agree 'nvmetls-host(8)' nvmetls-host

in_page nvmetls-target.8 >page
as_user nvmetls-target --help | in_help >help
agree 'nvmetls-target(8)' nvmetls-target

grep -oE '\bnvmetls_[a-z_]+\(' "$SRC/include/nvmetls.h" | tr -d '(' | sort -u >help
grep -oE '^\.F[no] nvmetls_[a-z_]+' "$SRC/man/libnvmetls.3" | sed 's/.* //' | sort -u >page
agree 'libnvmetls(3)' nvmetls.h
