# SPDX-License-Identifier: BSD-3-Clause
"""
Others on the same work, through fio: NBD servers from Debian's packages, over TCP, plain and with
TLS-PSK (AES-128-GCM, as nvmetls has it; left alone they would agree on ChaCha20-Poly1305).

NVMETLS_BENCH_ROWS adds rows: "NAME=COMMAND;NAME=COMMAND...". COMMAND prints JSON as fio does; {rw},
{bs}, {qd}, {seconds}, {queues}, {size} (MiB) and {cpus} in it are replaced. It is run on the host's
CPUs; its server, if it has one, is up to whoever adds the row.
"""
import os
import pathlib
import re
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time

import machine
from contenders import figures, run_json

USER = "bench"
STRACE_SECONDS = 1
TRACE = "trace=recvfrom,recvmsg,recvmmsg,sendto,sendmsg,sendmmsg"
# GnuTLS of these versions prefers ChaCha20 for a PSK with SHA-256.
PRIORITY = "[overrides]\ntls-disabled-cipher = CHACHA20-POLY1305\n"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def cpu_us(pid):
    """User and system time of a process, ended threads included; in ticks of 10 ms."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1_000_000 // os.sysconf("SC_CLK_TCK")


class Nbd:
    """An NBD server and fio's nbd engine."""

    def __init__(self, bench, mode, queues=1):
        self.bench, self.tls, self.queues = bench, mode == "tls", queues
        self.name = f"{self.server} {mode}" + (f" {queues} queues" if queues > 1 else "")
        self.dir = bench.where / self.name.replace(" ", "-")
        self.process = None

    def can(self, work):
        return True

    def missing(self):
        """The program that is not installed; None: all are there."""
        return next((p for p in ("fio", self.server) if shutil.which(p) is None), None)

    def start(self, *tracer):
        self.dir.mkdir(exist_ok=True)
        keys = self.dir / "keys.psk"  # the name that qemu looks for
        if not keys.exists():
            keys.write_text(f"{USER}:{secrets.token_hex(32)}\n")
            keys.chmod(0o600)
            (self.dir / "priority").write_text(PRIORITY)
        self.port = free_port()
        self.uri = f"nbd{'s' if self.tls else ''}://{USER + '@' if self.tls else ''}127.0.0.1:{self.port}/"
        if self.tls:
            self.uri += f"?tls-psk-file={keys}"
        self.env = {"GNUTLS_SYSTEM_PRIORITY_FILE": str(self.dir / "priority"),
                    "LD_PRELOAD": str(self.bench.build / "bench/libnbd-psk.so")}
        target, self.host_cpus = machine.sides()
        command = machine.pinned(target[:self.queues], [*tracer, *self.command(keys)])
        self.log = open(self.dir / "log", "ab")
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log, start_new_session=True,
                                        env={**os.environ, **self.env, "LD_PRELOAD": ""})
        self.wait()
        if not tracer:
            self.fio("--rw=write", "--bs=128k", "--iodepth=16", "--refill_buffers")

    def wait(self):
        for _ in range(500):
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except OSError:
                time.sleep(0.01)
            if self.process.poll() is not None:
                break
        sys.exit(f"bench: {self.name} did not start:\n{(self.dir / 'log').read_text()}")

    def stop(self):
        if self.process:
            os.killpg(self.process.pid, signal.SIGTERM)  # with strace, where it is traced
            self.process.wait(10)
            self.log.close()
            self.process = None

    def fio(self, *more, prefix=(), queues=1):
        command = [*prefix, "fio", "--name=bench", "--ioengine=nbd", f"--uri={self.uri}", "--thread",
                   f"--numjobs={queues}", "--group_reporting", f"--size={self.bench.size // queues}M",
                   f"--offset_increment={self.bench.size // queues}M", "--output-format=json", *more]
        return run_json(machine.pinned(self.host_cpus[:self.queues], command), self.env)

    def load(self, work, seconds, prefix=()):
        return self.fio(f"--rw={work.rw}", f"--bs={work.bs}", f"--iodepth={work.qd}", "--time_based",
                        f"--runtime={max(1, round(seconds))}", "--norandommap", "--randrepeat=0",
                        prefix=prefix, queues=self.queues)

    def turn(self, work, seconds):
        before = cpu_us(self.process.pid)
        out = figures(self.load(work, seconds), work)
        out["target_cpu_us"] = (cpu_us(self.process.pid) - before) / out["ios"]
        return out

    def verify(self):
        self.fio("--rw=randwrite", "--bs=4k", "--iodepth=16", "--verify=crc32c", "--io_size=32M",
                 "--verify_state_save=0")
        return f"32M written and read back; {self.cipher() or 'no TLS'}"

    def cipher(self):
        """What was agreed on, from libnbd's own words. A row with another cipher is no such row."""
        if not self.tls:
            return None
        done = subprocess.run(["fio", "--name=x", "--ioengine=nbd", f"--uri={self.uri}", "--rw=read",
                               "--bs=4k", "--size=4k", "--thread"], capture_output=True, text=True,
                              env={**os.environ, **self.env, "LIBNBD_DEBUG": "1"})
        found = re.search(r"\S*(AES-128-GCM|AES-256-GCM|CHACHA20-POLY1305)\S*", done.stderr + done.stdout)
        if not found or "AES-128-GCM" not in found[0]:
            sys.exit(f"bench: {self.name}: wanted AES-128-GCM, got {found and found[0]}")
        return found[0]

    def syscalls(self, work):
        """
        Data system calls per I/O (host, target) under strace, in a run of its own: strace slows
        both sides and so changes how much goes into one call.
        """
        if shutil.which("strace") is None:
            return None
        lists = [self.dir / "strace.host", self.dir / "strace.target"]
        tracers = [["strace", "-f", "-c", "-e", TRACE, "-o", str(x)] for x in lists]
        self.stop()
        self.start(*tracers[1])
        try:
            ios = figures(self.load(work, STRACE_SECONDS, prefix=tracers[0]), work)["ios"]
        finally:
            self.stop()
        return [traced_calls(x) / ios for x in lists]


def traced_calls(path):
    """Calls that moved something: strace -c's calls less errors (EAGAIN)."""
    total = 0
    for line in path.read_text().splitlines():
        words = line.split()
        if len(words) >= 5 and words[-1].startswith(("recv", "send")):
            total += int(words[3]) - (int(words[4]) if len(words) == 6 else 0)
    return total


class Nbdkit(Nbd):
    server = "nbdkit"

    def command(self, keys):
        tls = ["--tls=require", f"--tls-psk={keys}"] if self.tls else []
        return ["nbdkit", "-f", "-i", "127.0.0.1", "-p", self.port, *tls, "memory", f"{self.bench.size}M"]


class Qemu(Nbd):
    """It has no memory backend: a file in shared memory."""

    server = "qemu-storage-daemon"

    def __init__(self, bench, *more):
        super().__init__(bench, *more)
        self.disk = pathlib.Path(f"/dev/shm/{bench.where.name}.{self.dir.name}")

    def command(self, keys):
        with open(self.disk, "wb") as f:
            f.truncate(self.bench.size << 20)
        tls = ["--object", f"tls-creds-psk,id=tls,dir={keys.parent},endpoint=server"] if self.tls else []
        return ["qemu-storage-daemon", *tls, "--blockdev", f"driver=file,node-name=disk,filename={self.disk}",
                "--nbd-server", f"addr.type=inet,addr.host=127.0.0.1,addr.port={self.port}" +
                (",tls-creds=tls" if self.tls else ""),
                "--export", "type=nbd,id=export,node-name=disk,name=,writable=on"]

    def stop(self):
        super().stop()
        self.disk.unlink(missing_ok=True)


class Extra:
    """A row of NVMETLS_BENCH_ROWS."""

    def __init__(self, bench, name, command):
        self.bench, self.name, self.command = bench, name, command

    def can(self, work):
        return True

    def start(self):
        pass

    def stop(self):
        pass

    def verify(self):
        return None

    def turn(self, work, seconds):
        host = machine.sides()[1]
        words = {"rw": work.rw, "bs": work.bs, "qd": work.qd, "seconds": max(1, round(seconds)),
                 "queues": 1, "size": self.bench.size, "cpus": ",".join(map(str, host[:1]))}
        return figures(run_json(machine.pinned(host[:1], shlex.split(self.command.format(**words)))), work)


def extras(bench):
    rows = os.environ.get("NVMETLS_BENCH_ROWS", "").split(";")
    return [Extra(bench, *map(str.strip, r.split("=", 1))) for r in rows if "=" in r]


def peers(bench, queues=(1,)):
    """Those that are installed; and the names of programs that are not."""
    every = [kind(bench, mode, q) for q in queues for kind in (Nbdkit, Qemu) for mode in ("plain", "tls")]
    return ([p for p in every if not p.missing()],
            sorted({p.missing() for p in every if p.missing()}))
