#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# read, write and the others: what they say when they are done, and what each failure says to do next.
. "$(dirname "$0")/lib.sh"
requires jq

start_target --tls none --subsys nqn.test --namespace mem:1M --allow-any-host
at=(-t tcp -a "$A" -s "$S" -n nqn.test)
json() { # FILTER: true of what was printed
	[ "$(jq "$1" out)" = true ] || fail "$1: $(cat out)"
}

head -c 4096 /dev/urandom >data
[ "$(id -u)" != 0 ] || chown $ORDINARY data
passes nvmetls write "${at[@]}" -c 7 -d data -o json
json '.nsid == 1 and .start_block == 0 and .blocks == 8 and .bytes == 4096 and .result == "write: Success"'
passes nvmetls read "${at[@]}" -c 7 -d back -o json
json '.nsid == 1 and .start_block == 0 and .blocks == 8 and .bytes == 4096'
cmp data back
passes nvmetls write-zeroes "${at[@]}" --start-block 16 -c 15 -o json
json '.start_block == 16 and .blocks == 16'
passes nvmetls dsm "${at[@]}" --ad --slbs 0,100 --blocks 1,2 -o json
json '.blocks == 3 and (has("start_block") | not)'
passes nvmetls flush "${at[@]}" -o json
json '.result == "NVMe Flush: success" and (has("blocks") | not)'
stop
