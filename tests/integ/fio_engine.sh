#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The fio engine: verified writes plain and over TLS, trims, flushes, its examples, and its errors.
. "$(dirname "$0")/lib.sh"
umask 022 # the shell may be root, the programs are not
! grep -q __asan_init "$BUILD/libnvmetls.so" || skip "fio has no sanitizers, the library has"

# made once, by the first of the tests that come here; the engine also when it is older than its source
cache=$BUILD/fio
[ -w "$BUILD" ] || cache=$W/fio
rc=0
flock "$(dirname "$cache")" "$SRC/fio/build" "$BUILD" "$cache" >built 2>&1 || rc=$?
[ $rc != 3 ] || skip "$(tail -n 1 built)"
[ $rc = 0 ] || fail "fio/build: $(cat built)"
fio=$cache/fio engine=$cache/libfio-nvmetls.so library=$BUILD
if ! as_user test -r "$engine"; then # below /root: copies
	mkdir -m 755 own
	cp "$fio" "$engine" "$BUILD"/libnvmetls.so.0 own/
	chmod 755 own/*
	chmod 755 "$W"
	fio=$W/own/fio engine=$W/own/libfio-nvmetls.so library=$W/own
fi
cp -r "$SRC/fio/examples" examples

make_key
chmod 644 key
start_target --tls optional --subsys nqn.test --namespace mem:64M --allow-any-host
port=$S
at=("--trsvcid=$S" --subsysnqn=nqn.test "--hostnqn=$HOSTNQN")
fio=(env "LD_LIBRARY_PATH=$library" "$fio" "--ioengine=external:$engine")
job=("${fio[@]}" "${at[@]}" --output-format=json --output=report --name=job)
told() { # JQ-CONDITION
	jq -e "$1" report >told || fail "not so: $1 in $(jq -c '.jobs[0] | {error, read, write, trim, sync}' report)"
}

for more in --tls=0 --tls=1 "--tls=1 --tls_key_file=key" "--hdr_digest=1 --data_digest=1"; do
	# shellcheck disable=SC2086
	passes "${job[@]}" $more --rw=randwrite --bs=4k --iodepth=32 --size=16M --verify=crc32c --verify_fatal=1
	told '.jobs[0] | .error == 0 and .write.total_ios == 4096 and .read.total_ios == 4096'
done
passes "${job[@]}" --tls=1 --rw=write --bs=128k --iodepth=8 --size=16M --verify=md5
told '.jobs[0] | .error == 0 and .read.io_bytes == 16777216'

# what one job wrote another reads; a wrong block is found
verify=(--bs=64k --size=8M --verify=crc32c --verify_fatal=1)
passes "${job[@]}" "${verify[@]}" --rw=write --do_verify=0
passes "${job[@]}" "${verify[@]}" --rw=read --tls=1
head -c 512 /dev/zero >block
passes nvmetls write -t tcp -a "$A" -s "$S" -n nqn.test -q "$HOSTNQN" --start-block 100 --block-count 0 \
	--data-size 512 --data block
fails 1 "${job[@]}" "${verify[@]}" --rw=read --tls=1
told '.jobs[0].error != 0'

# trims and flushes; jobs as processes and as threads
passes "${job[@]}" --tls=1 --rw=randtrim --bs=64k --iodepth=4 --size=8M --numjobs=2 --group_reporting
told '.jobs[0] | .error == 0 and .trim.total_ios == 256'
passes nvmetls read -t tcp -a "$A" -s "$S" -n nqn.test -q "$HOSTNQN" --block-count 7 --data-size 4096 --data zeroes
cmp -n 4096 zeroes /dev/zero
passes "${job[@]}" --tls=1 --rw=randwrite --bs=4k --iodepth=8 --size=4M --fsync=16 --numjobs=2 --thread --group_reporting
told '.jobs[0] | .error == 0 and .sync.lat_ns.N >= 120'
passes "${job[@]}" --rw=write --bs=4k --fua=1 --size=1M --fdatasync=8
told '.jobs[0] | .error == 0 and .sync.lat_ns.N >= 30'

for f in examples/*.fio; do
	sed -i "s/^trsvcid=.*/trsvcid=$port/; s/^runtime=.*/runtime=1/" "$f"
	passes "${fio[@]}" --subsysnqn=nqn.test "--hostnqn=$HOSTNQN" --output-format=json --output=report "$f"
	told '[.jobs[].error] | all(. == 0)'
done

# what cannot be, in one line that says why
refused() { # TEXT ARGS
	fails 1 "${job[@]}" --rw=read --size=1M "${@:2}"
	stderr_has "$1"
}
passes nvmetls gen-tls-key
cp out other
chmod 644 other
refused 'the peer refused our PSK' --tls=1 --tls_key_file=other
refused 'tls_key_file nowhere: No such file' --tls=1 --tls_key_file=nowhere
refused 'no namespace 7' --nsid=7
refused 'bs=1000 is not a multiple of the namespace' --bs=1000
refused 'larger than the controller' --bs=16M --size=16M
refused 'nobody listens at that address' --trsvcid=1

fails 1 "${fio[@]}" --trsvcid="$S" --name=job --rw=read --size=1M
stderr_has 'subsysnqn is missing'

# a target that dies under I/O: an error, not a hang
"${AS_USER[@]}" "${job[@]}" --tls=1 --rw=randread --bs=4k --iodepth=32 --runtime=60 --time_based >out 2>err </dev/null &
died=$!
PIDS+=("$died")
target=$pid
log_has 'qid 1 connected'
sleep 0.3
kill_hard "$target"
status=0
wait $died || status=$?
[ $status = 1 ] || fail "fio ended with $status"
stderr_has 'fio: nvmetls: '
