# SPDX-License-Identifier: BSD-3-Clause
"""Many hosts at one target (bench/storm.c): what they cost it when they do nothing, and when they come."""
import json
import statistics
import subprocess
import time

import contenders
import machine
import works

WORK = works.work("randread", "4k", 32)


def command(bench, port, *more):
    return [bench.build / "bench/storm", "--tls", *more, "127.0.0.1", port, contenders.SUBSYS,
            contenders.HOSTS["aes128"]]


def start(bench, cpus, port, *more, nice=False):
    full = [*(["nice", "-n", "19"] if nice else []), *command(bench, port, *more)]
    return subprocess.Popen(machine.pinned(cpus, full), stdout=subprocess.PIPE, text=True, env=bench.env)


def finish(process):
    out = process.communicate()[0]
    if process.returncode:
        contenders.fail(process.args, out)
    return json.loads(out.splitlines()[-1])


def cpu_us(stats):
    return stats["cpu_user_us"] + stats["cpu_sys_us"]


def idle(bench, connections=100, seconds=10):
    """What of a core a target takes that so many TLS connections keep alive and nothing else."""
    target_cpus, host = machine.sides()
    target = bench.target(True, target_cpus[:1])
    hold = start(bench, host[:1], target.port, "--connects", connections, "--hold", seconds + 2)
    hold.stdout.readline()  # "up"
    time.sleep(1)
    before, since = target.stats(), time.monotonic()
    time.sleep(seconds)
    after, took = target.stats(), time.monotonic() - since
    finish(hold)
    return {"connections": connections, "seconds": took, "connected": after["connections"],
            "cpu_percent": (cpu_us(after) - cpu_us(before)) / took / 1e4}


def handshakes(bench, connects=1000, threads=32):
    """As many connects as come through, the target on one core."""
    target_cpus, host = machine.sides()
    target = bench.target(True, target_cpus[:1])
    before = target.stats()
    out = finish(start(bench, host[:1], target.port, "--connects", connects, "--threads", threads))
    after = target.stats()
    done = after["handshakes_ok"] - before["handshakes_ok"]
    return {**out, "per_second": connects / out["seconds"],
            "per_target_core": done / (cpu_us(after) - cpu_us(before)) * 1e6,
            "per_host_core": connects / out["host_cpu_s"]}


def storm(bench, rounds=3, seconds=5, connects=1000):
    """A workload at half its maximum, in turn alone and beside a storm of connects."""
    ours = contenders.Nvmetls(bench, "aes128")
    ours.start()
    half = ours.turn(WORK, 2)["iops"] / 2
    found = {"alone": [], "beside": [], "connects": []}
    for _ in range(rounds):
        found["alone"].append(ours.turn(WORK, seconds, "--rate-iops", round(half)))
        many = start(bench, ours.host_cpus, ours.target.port, "--connects", connects, "--over", seconds,
                     nice=True)
        found["beside"].append(ours.turn(WORK, seconds, "--rate-iops", round(half)))
        found["connects"].append(finish(many))
    p99 = [statistics.median(t["p99_us"] for t in found[k]) for k in ("alone", "beside")]
    return {**found, "rate_iops": half, "over_s": seconds, "p99_alone_us": p99[0],
            "p99_beside_us": p99[1], "ratio": p99[1] / p99[0]}
