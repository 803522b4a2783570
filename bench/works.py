# SPDX-License-Identifier: BSD-3-Clause
"""What is measured: the works, and what the table in docs/perf.md promises about them."""
import collections

# @rw and @bs as fio writes them; @size: bytes of one I/O; @write: is data sent to the target?
Work = collections.namedtuple("Work", "name rw bs qd size write")


def work(rw, bs, qd):
    size = int(bs[:-1]) << {"k": 10, "m": 20}[bs[-1]]
    return Work(f"{bs} {rw} QD{qd}", rw, bs, qd, size, "write" in rw)


TABLE = [work("randread", "4k", 1), work("randread", "4k", 32), work("randwrite", "4k", 32),
         work("read", "128k", 16), work("write", "128k", 16)]
CROSS = ([work(rw, "4k", qd) for rw in ("randread", "randwrite") for qd in (1, 32, 128)] +
         [work(rw, bs, 16) for bs in ("128k", "1m") for rw in ("read", "write")])


class Figures:
    """Medians by work and contender; None where something was not measured."""

    def __init__(self, rows):
        self.rows = {(r["work"], r["name"]): r for r in rows}

    def get(self, work_name, name, key):
        row = self.rows.get((work_name, name))
        value = row and row["metrics"].get(key)
        return value and value["median"]

    def ratio(self, a, b):
        """@a and @b: arguments of get()."""
        over, under = self.get(*a), self.get(*b)
        return over / under if over and under else None


def promise(text, value, limit, unit="", at_most=False):
    if value is None:
        return None
    return {"text": text, "value": value, "limit": limit, "unit": unit,
            "kept": value <= limit if at_most else value >= limit,
            "sign": "at most" if at_most else "at least"}


def promises(rows, idle=None):
    """The issue's table: every line whose parts were measured."""
    f, tls, plain = Figures(rows), "nvmetls aes128", "nvmetls plain"
    out = []
    for name in ("4k randread QD32", "4k randwrite QD32"):
        limit = ("4k randread QD32", "probe aes128", "iops")
        out += [promise(f"{name}: TLS of the probe's TLS", f.ratio((name, tls, "iops"), limit), .60),
                promise(f"{name}: TLS of plain",
                        f.ratio((name, tls, "iops"), (name, plain, "iops")), .75)]
    for name in ("128k read QD16", "128k write QD16"):
        limit = ("128k read QD16", "probe aes128", "mib_s")
        out += [promise(f"{name}: TLS of the probe's stream", f.ratio((name, tls, "mib_s"), limit), .70),
                promise(f"{name}: TLS of plain",
                        f.ratio((name, tls, "mib_s"), (name, plain, "mib_s")), .70)]
    one = "4k randread QD1"
    out.append(promise(f"{one}: TLS latency (p50) of the probe's",
                       f.ratio((one, tls, "p50_us"), (one, "probe aes128", "p50_us")), 1.5, at_most=True))
    for name, key, limit in ((w.name, "mib_s" if w.size > 4096 else "iops", 2.5 if w.size > 4096 else 4)
                             for w in TABLE):
        out.append(promise(f"{name}: TLS of nbdkit's TLS",
                           f.ratio((name, tls, key), (name, "nbdkit tls", key)), limit))
    for w in TABLE:
        out.append(promise(f"{w.name}: AES-256 of AES-128",
                           f.ratio((w.name, "nvmetls aes256", "iops"), (w.name, tls, "iops")), .85))
    out.append(promise("4k randread QD32: the target's CPU per TLS read",
                       f.get("4k randread QD32", tls, "target_cpu_us"), 2, " us", at_most=True))
    if idle:
        out.append(promise(f"CPU of a target with {idle['connected']} idle TLS connections",
                           idle["cpu_percent"], .5, " %", at_most=True))
    return [p for p in out if p]
