#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# nvmetls-target: what is not understood exits 2, what fails exits 1; one line says what and what to do.
. "$(dirname "$0")/lib.sh"

says() { # CODE TEXT COMMAND
	local code=$1 text=$2
	shift 2
	fails "$code" "$@"
	[ "$(wc -l <err)" = 1 ] || fail "not one line: $* : $(cat err)"
	stderr_has "$text"
	[ ! -s out ] || fail "standard output: $*"
}
at=(--listen 127.0.0.1:0)
what=(--tls none --subsys nqn.test --allow-any-host --namespace mem:1M)
good=(nvmetls-target "${at[@]}" "${what[@]}")

misuse() { # TEXT ARGS: exit 2, and where to read on
	local text=$1
	shift
	says 2 "$text" nvmetls-target "$@"
	stderr_has '; see --help'
}
misuse '--bogus is not an option' --bogus
misuse '--bogus is not an option' --bogus=secret
misuse '-x is not an option' -x
misuse '"stray" is not an option' "${at[@]}" "${what[@]}" stray
misuse '--listen: wants a value' --listen
misuse '--stats: takes no value' --stats=yes
for addr in 127.0.0.1:99999 127.0.0.1:-1 127.0.0.1:+1 127.0.0.1:1x foo:1 '[127.0.0.1:1' 300.0.0.1:1 '[::g]:1' 127.0.0.1:123456; do
	misuse "--listen: $addr: wants a numeric address" --listen "$addr" "${what[@]}"
done
misuse '--listen: wants HOST:PORT' --listen 127.0.0.1 "${what[@]}"
misuse '--listen: missing' "${what[@]}"
misuse '--subsys: missing' "${at[@]}"
ns=("${at[@]}" --tls none --subsys nqn.test --allow-any-host --namespace)
misuse '--namespace: mem:x: not a size; say mem:64M' "${ns[@]}" mem:x
misuse '--namespace: mem:0: not a size' "${ns[@]}" mem:0
misuse '--namespace: null:: not a size' "${ns[@]}" null:
misuse '--namespace: mem:511: smaller than one block' "${ns[@]}" mem:511
misuse '--namespace: missing' "${ns[@]}" ''
misuse '--namespace: /tmp/a is namespace 1 of nqn.test already' "${ns[@]}" /tmp/a --namespace /tmp/a
misuse '--threads: "x" is not a number' --threads x
misuse '--threads: "1k" is not a number' --threads 1k
misuse '--threads: 65 is out of range (1 to 64)' --threads 65
misuse '--queue-size: 15 is out of range (16 to 1024)' --queue-size 15
misuse '--queues: 99999999999999999999 is out of range' --queues 99999999999999999999
misuse '--mdts: "big" is not a size' --mdts big
misuse '--mdts: 12K is out of range (4K to 1M, a power of two)' --mdts 12K
misuse '--inline-data-size: 17 is out of range' --inline-data-size 17
misuse '--handshake-timeout-ms: 0 is out of range (1 to 3600000)' --handshake-timeout-ms 0
misuse '--groups: "bogus" is not a list of groups; they look like X25519:' --groups bogus
misuse '--groups: "X25519:bogus"' --groups X25519:bogus
misuse '--cpu: there is no CPU 999 for thread 0' --cpu 999 "${at[@]}" "${what[@]}"
misuse '--cpu: 4096 is out of range' --cpu 4096
misuse '--log-level: wants error, warn' --log-level loud
misuse '--tls: wants required' --tls maybe
says 2 'NVMETLS_LOOP=bogus: wants uring or epoll' env NVMETLS_LOOP=bogus "${good[@]}"
says 2 'NVMETLS_CRYPTO=bogus: wants ipsec-mb or evp' env NVMETLS_CRYPTO=bogus "${good[@]}"

says 1 "$W: Is a directory" nvmetls-target --config "$W"
says 1 'none.json: No such file or directory' nvmetls-target --config none.json
says 1 'address file /nowhere/addr: No such file' nvmetls-target "${at[@]}" "${what[@]}" --addr-file /nowhere/addr --log-level error
says 1 'key log /nowhere/log: No such file' nvmetls-target "${at[@]}" "${what[@]}" --keylog /nowhere/log
for option in --help --version; do
	[ "$(as_user sh -c "nvmetls-target $option >/dev/full; echo \$?" 2>err)" = 1 ] || fail "$option: a full disk was not noticed"
	stderr_has 'standard output: No space left'
done

# a configuration may come from a pipe; what is chosen by name is taken
echo '{"ports": [{"addr": {"traddr": "127.0.0.1", "trsvcid": "0", "trtype": "tcp"}, "subsystems": ["nqn.test"]}],
	"subsystems": [{"nqn": "nqn.test", "attr": {"allow_any_host": 1}, "namespaces": [{"device": {"path": "mem:1M"}}]}]}' >pipe.json
chmod a+r pipe.json
as_user mkfifo fifo
as_user sh -c 'cat pipe.json >fifo' &
cpu=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*\([0-9]*\).*/\1/p' /proc/self/status)
start nvmetls-target --config "$W/fifo" --addr-file "$W/addr" --groups P-256:X448 --cpu "$cpu"
wait_for test -s addr
log_has 'listening on 127.0.0.1:'
stop
