#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# libnvmetls keeps its promises in both serve modes: data, descriptors, threads, forks, idle
# callers, lost targets; in the clear and over TLS.
. "$(dirname "$0")/lib.sh"

export HOSTNQN

everything() {
	local serve
	for serve in thread caller; do
		passes client-library discover $serve
		passes client-library rules $serve
		passes client-library fd $serve
		passes client-library cancel $serve
		passes client-library forks $serve
		passes client-library verify $serve
	done
	# keep-alive goes on while the callers sleep, at the same time
	as_user client-library idle thread &
	local first=$!
	passes client-library idle caller
	wait $first
}

target_dies() {
	local serve
	for serve in thread caller; do
		start_target "$@" --subsys nqn.test --namespace mem:64M --allow-any-host
		TARGET=$pid passes client-library lost $serve
	done
}

target_comes_back() {
	local serve client i
	for serve in thread caller; do
		start_target "$@" --subsys nqn.test --namespace "$W/disk.img" --allow-any-host
		LOSSES=3 as_user client-library survive $serve &
		client=$!
		for i in 1 2 3; do
			wait_for grep -q "qid 2 \(TLS \)\?connected$" "$log"
			sleep 0.3 # until I/O flows again
			kill_hard
			# a moment in which nobody is there, or none
			[ "$i" = 2 ] || sleep 0.2
			start_again "$@" --subsys nqn.test --namespace "$W/disk.img" --allow-any-host
		done
		wait $client || fail "client-library survive $serve"
		TARGET=$pid passes client-library waits $serve
		wait "$pid" || true
	done
}

as_user truncate -s 64M disk.img
passes client-library causes thread

export TLS=0
start_target --tls none --threads 2 --subsys nqn.test --namespace mem:64M --allow-any-host
everything
stop
target_dies --tls none
target_comes_back --tls none

export TLS=1
make_key
make_key "$DISCOVERY"
start_target --tls required --threads 2 --subsys nqn.test --namespace mem:64M --allow-any-host
everything
stop
target_dies --tls required
target_comes_back --tls required
