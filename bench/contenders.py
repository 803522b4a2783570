# SPDX-License-Identifier: BSD-3-Clause
"""
Who is measured. A contender has a name, start(), turn(work, seconds) -> figures, verify() and
stop(); can(work) says whether it has something to say about a work.

Figures: iops, mib_s, p50_us, p99_us, p999_us, and per I/O host_cpu_us, target_cpu_us,
host_syscalls, target_syscalls. What is not known is left out.
"""
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import machine

SUBSYS = "nqn.test"
HOSTS = {  # a host for each key: the hash decides the cipher
    "plain": "nqn.2014-08.org.nvmexpress:uuid:6a7b1c0e-3f52-4c8a-9d11-2f3e4d5c6b70",
    "aes128": "nqn.2014-08.org.nvmexpress:uuid:6a7b1c0e-3f52-4c8a-9d11-2f3e4d5c6b71",
    "aes256": "nqn.2014-08.org.nvmexpress:uuid:6a7b1c0e-3f52-4c8a-9d11-2f3e4d5c6b72",
}
BACKENDS = ["mem", "null", "file"]  # namespaces 1, 2, 3 of every target
VERIFY_MIB = 32


def fail(command, why):
    sys.exit(f"bench: {' '.join(map(str, command))}\n{why}")


def run_json(command, env=None):
    """The JSON that @command prints; some programs say something before it."""
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True,
                          env={**os.environ, **(env or {})})
    at = 0 if done.stdout.startswith("{") else done.stdout.find("\n{")
    if done.returncode or at < 0:
        fail(command, done.stderr or done.stdout)
    return json.loads(done.stdout[at:])


def figures(report, work):
    """From the JSON of fio, or of nvmetls perf, which has the sum of its jobs, too."""
    job = report.get("total") or report["jobs"][0]
    side = job["write" if work.write else "read"]
    ios = max(side["total_ios"], 1)
    out = {"iops": side["iops"], "mib_s": side["bw_bytes"] / 2**20, "ios": ios}
    for key, name in (("p50_us", "50.000000"), ("p99_us", "99.000000"), ("p999_us", "99.900000")):
        if name in side["clat_ns"].get("percentile", {}):  # not where nothing came back in time
            out[key] = side["clat_ns"]["percentile"][name] / 1000
    if "cpu_us_per_io" in job:
        out["host_cpu_us"] = job["cpu_us_per_io"]
        out["host_syscalls"] = job["data_syscalls_per_io"]
    elif "usr_cpu" in job:  # per cent of all jobs' time in ms
        out["host_cpu_us"] = (job["usr_cpu"] + job["sys_cpu"]) * job["job_runtime"] * 10 / ios
    return out


class Probe:
    """The limit: no protocol. Reads only; a write is the same with the sides changed."""

    def __init__(self, bench, mode):
        self.bench, self.mode, self.name = bench, mode, f"probe {mode}"

    def can(self, work):
        return not work.write

    def start(self):
        pass

    def stop(self):
        pass

    def verify(self):
        return None  # every record's tag is checked

    def turn(self, work, seconds):
        target, host = machine.sides()
        shape = ["--mode", "rr", "--qd", work.qd] if work.size == 4096 else ["--mode", "stream"]
        r = run_json([self.bench.build / "bench/probe", *shape, "--seconds", seconds, "--cpus",
                      f"{target[0]},{host[0]}", "--tls", "none" if self.mode == "plain" else self.mode])
        r["ios"] = r["iops"] * r["seconds"]
        if work.size > 4096:  # in I/Os of the work's size, not in records
            records = work.size / 16384
            r["iops"] /= records
            for key in ("host_cpu_us", "target_cpu_us", "host_syscalls", "target_syscalls"):
                r[key] *= records
        keys = ("iops", "mib_s", "ios", "p50_us", "p99_us", "p999_us", "host_cpu_us", "target_cpu_us",
                "host_syscalls", "target_syscalls")
        # its server has ended, so that it is counted among the children
        return {**{k: r[k] for k in keys if k in r}, "target_ended": True}


class Target:
    """One nvmetls-target with a namespace on each backend; its counters come after SIGUSR1."""

    def __init__(self, bench, tls, cpus):
        name = f"{'tls' if tls else 'plain'}-{len(cpus)}-{bench.label}"
        self.log, addr = bench.where / f"{name}.log", bench.where / f"{name}.addr"
        disk = bench.where / f"{name}.disk"
        with open(disk, "wb") as f:
            f.truncate(bench.size << 20)
        command = [bench.build / "nvmetls-target", "--listen", "127.0.0.1:0", "--addr-file", addr,
                   "--tls", "required" if tls else "none", "--subsys", SUBSYS, "--namespace",
                   f"mem:{bench.size}M", "--namespace", f"null:{bench.size}M", "--namespace", disk,
                   "--allow-any-host", "--log-level", "warn", "--threads", len(cpus)]
        if cpus == list(range(cpus[0], cpus[0] + len(cpus))):
            command += ["--cpu", cpus[0]]
        self.process = subprocess.Popen(machine.pinned(cpus, command), stderr=open(self.log, "wb"),
                                        env=bench.env)
        self.wait_for(addr.exists, "start")
        self.port = addr.read_text().split(":")[-1].strip()

    def wait_for(self, ready, what):
        for _ in range(2000):
            if ready():
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.005)
        sys.exit(f"bench: the target did not {what}:\n{self.log.read_text()}")

    def reports(self):
        """All complete lines of counters so far."""
        whole = self.log.read_text().rpartition("\n")[0]
        return [x.split("stats: ", 1)[1] for x in whole.splitlines() if "stats: " in x]

    def stats(self):
        seen = len(self.reports())
        self.process.send_signal(signal.SIGUSR1)
        self.wait_for(lambda: len(self.reports()) > seen, "report its counters")
        return json.loads(self.reports()[-1])

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


class Nvmetls:
    """nvmetls perf against nvmetls-target. @mode: plain, aes128 or aes256."""

    def __init__(self, bench, mode, backend="mem", queues=1):
        self.bench, self.mode, self.backend, self.queues = bench, mode, backend, queues
        self.nsid = BACKENDS.index(backend) + 1
        self.name = " ".join(["nvmetls", mode] + ([backend] if backend != "mem" else []) +
                             ([f"{queues} queues"] if queues > 1 else []) +
                             ([bench.label] if bench.label else []))
        self.target = None

    def can(self, work):
        return True

    def start(self):
        target, host = machine.sides()
        self.host_cpus = host[:self.queues]
        self.target = self.bench.target(self.mode != "plain", target[:self.queues])
        if not self.bench.filled(self.target, self.nsid):
            self.perf("--rw", "write", "--bs", "128k", "--iodepth", 16)  # random data

    def stop(self):
        pass  # the bench owns the targets; others use them, too

    def perf(self, *more):
        command = [self.bench.build / "nvmetls", "perf", "-t", "tcp", "-a", "127.0.0.1", "-s",
                   self.target.port, "-n", SUBSYS, "-q", HOSTS[self.mode], "-N", self.nsid,
                   "-o", "json", *more]
        if self.mode != "plain":
            command.append("--tls")
        command += ["--cpus", ",".join(map(str, self.host_cpus))]
        return run_json(machine.pinned(self.host_cpus, command), self.bench.env)

    def turn(self, work, seconds, *more):
        before = self.target.stats()
        report = self.perf("--rw", work.rw, "--bs", work.bs, "--iodepth", work.qd, "--numjobs",
                           self.queues, "--runtime", max(1, round(seconds)), *more)
        after = self.target.stats()
        out = figures(report, work)
        used = {k: after[k] - before[k] for k in after}
        out["target_cpu_us"] = (used["cpu_user_us"] + used["cpu_sys_us"]) / out["ios"]
        out["target_syscalls"] = (used["recvs"] + used["sends"]) / out["ios"]
        return out

    def verify(self):
        if self.backend == "null":
            return None
        mib = min(VERIFY_MIB, self.bench.size // self.queues)
        found = [self.perf("--rw", rw, "--bs", bs, "--iodepth", 16, "--size", f"{mib}M", "--verify",
                           "--numjobs", self.queues)["total"]["verified_blocks"]
                 for rw, bs in (("randwrite", "4k"), ("write", "128k"))]
        return f"{sum(found):,} blocks written and read back"


class Bench:
    """What all contenders of one build share: its targets, keys and directory."""

    def __init__(self, build, where, size, label=""):
        self.build, self.where, self.size, self.label = build, pathlib.Path(where), size, label
        self.targets, self.full = {}, set()
        self.env = {**os.environ, "NVMETLS_KEYSTORE": str(self.where / f"keys{label}")}
        for mode, hash_number in (("aes128", "1"), ("aes256", "2")):
            subprocess.run([build / "nvmetls", "gen-tls-key", "-i", "-m", hash_number, "-c", SUBSYS,
                            "-n", HOSTS[mode]], check=True, stdout=subprocess.DEVNULL, env=self.env)

    def target(self, tls, cpus):
        key = (tls, len(cpus))
        if key not in self.targets:
            self.targets[key] = Target(self, tls, cpus)
        return self.targets[key]

    def filled(self, target, nsid):
        """False the first time that it is asked about a namespace."""
        before = (target, nsid) in self.full
        self.full.add((target, nsid))
        return before

    def stop(self):
        for t in self.targets.values():
            t.stop()
