# SPDX-License-Identifier: BSD-3-Clause
"""The machine: its CPUs, one half for each side; its congestion control; what it is called."""
import os
import pathlib
import platform
import re
import resource
import shutil
import subprocess
import sys
import time

CONGESTION = pathlib.Path("/proc/sys/net/ipv4/tcp_congestion_control")
SIDE_MAX = 4  # CPUs of one side


def cores():
    """One CPU of each core that this process may use."""
    mine, seen, out = sorted(os.sched_getaffinity(0)), set(), []
    for cpu in mine:
        path = pathlib.Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        core = path.read_text().strip() if path.exists() else str(cpu)
        if core not in seen:
            seen.add(core)
            out.append(cpu)
    return out


def sides():
    """CPUs of the target and of the host: never the same, if there are two."""
    cpus = cores()
    half = min(len(cpus) // 2, SIDE_MAX)
    return (cpus[:half], cpus[half:2 * half]) if half else (cpus, cpus)


def pinned(cpus, command):
    return ["taskset", "-c", ",".join(map(str, cpus)), *map(str, command)]


def own_network():
    """
    Go on in a network namespace with reno where the default is bbr: that one halves loopback, and
    the peers cannot choose another for their sockets. Without the right to, go on here.
    """
    if CONGESTION.read_text().strip() != "bbr" or os.environ.get("NVMETLS_BENCH_NETNS"):
        return
    unshare = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-rn"]
    setup = f"ip link set lo up && echo reno > {CONGESTION}"
    if shutil.which("ip") is None or subprocess.run([*unshare, "sh", "-c", setup],
                                                   stderr=subprocess.DEVNULL).returncode:
        print("bench: no network namespace; the peers use bbr", file=sys.stderr)
        return
    os.environ["NVMETLS_BENCH_NETNS"] = "1"
    sys.stdout.flush()
    os.execvp(unshare[0], [*unshare, "sh", "-c", f'{setup} && exec "$@"', "sh", *sys.orig_argv])


def busy_us():
    """What all processes and the hypervisor took from the CPUs so far."""
    user, nice, system, _, _, irq, softirq, steal = map(
        int, pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9])
    return (user + nice + system + irq + softirq + steal) * 1_000_000 // os.sysconf("SC_CLK_TCK")


def own_us():
    """The part of it of this process and its ended children."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used) * 1e6


def watched(turn):
    """The figures of turn(), with "others": what others used of a CPU meanwhile, in per cent."""
    busy, own, start = busy_us(), own_us(), time.monotonic()
    out = turn()
    busy, own, start = busy_us() - busy, own_us() - own, time.monotonic() - start
    if "target_cpu_us" in out:
        if not out.pop("target_ended", False):
            own += out["target_cpu_us"] * out["ios"]
        out["others"] = max(0.0, (busy - own) / start / 1e4)
    return out


def first_line(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = (done.stdout or done.stderr).strip().splitlines()
    return lines[0] if done.returncode == 0 and lines else None


def facts(build):
    """What a table of figures must say about where it was taken."""
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    version = subprocess.run([build / "nvmetls", "--version"], capture_output=True, text=True).stdout
    target, host = sides()
    peers = [first_line(p, "--version") for p in ("fio", "nbdkit", "qemu-storage-daemon")]
    return {"cpu": cpu[1] if cpu else platform.machine(), "cpus": os.cpu_count(),
            "kernel": platform.release(), "congestion": CONGESTION.read_text().strip(),
            "version": version.strip().splitlines(), "peers": [p for p in peers if p],
            "target_cpus": target, "host_cpus": host, "load": os.getloadavg()[0]}
