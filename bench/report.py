# SPDX-License-Identifier: BSD-3-Clause
"""Medians and spreads of turns; the report as Markdown."""
import statistics

COLUMNS = [  # key, heading, format, with the spread?
    ("iops", "IOPS (min-max)", "{:,.0f}", True),
    ("mib_s", "MiB/s", "{:,.0f}", False),
    ("p50_us", "p50 us", "{:.1f}", False),
    ("p99_us", "p99 us", "{:.1f}", True),
    ("p999_us", "p99.9 us", "{:.1f}", False),
    ("host_cpu_us", "CPU us/IO host", "{:.2f}", False),
    ("target_cpu_us", "target", "{:.2f}", False),
    ("host_syscalls", "data syscalls/IO host", "{:.3f}", False),
    ("target_syscalls", "target", "{:.3f}", False),
]


def summary(turns):
    """{key: {median, min, max}} over the turns."""
    out = {}
    for key in dict.fromkeys(k for t in turns for k in t):
        values = [t[key] for t in turns if key in t]
        out[key] = {"median": statistics.median(values), "min": min(values), "max": max(values)}
    return out


def cell(metrics, key, form, spread):
    value = metrics.get(key)
    if value is None:
        return "-"
    text = form.format(value["median"])
    if spread:
        text += f" ({form.format(value['min'])}-{form.format(value['max'])})"
    return text


def table(rows):
    lines = ["| | " + " | ".join(c[1] for c in COLUMNS) + " |", "|---|" + "--:|" * len(COLUMNS)]
    for r in rows:
        star = "\\*" if r.get("traced") else ""
        cells = [cell(r["metrics"], *c[:1], *c[2:]) + (star if c[0].endswith("syscalls") else "")
                 for c in COLUMNS]
        lines.append(f"| {r['name']} | " + " | ".join(cells) + " |")
    return lines


def value_text(p):
    if p["unit"]:
        return f"{p['value']:.2f}{p['unit']}", f"{p['limit']:g}{p['unit']}"
    if p["limit"] > 1:
        return f"{p['value']:.2f} x", f"{p['limit']:g} x"
    return f"{p['value']:.0%}", f"{p['limit']:.0%}"


def promise_table(promises):
    lines = ["| | reached | wanted | |", "|---|--:|--:|---|"]
    for p in promises:
        value, limit = value_text(p)
        lines.append(f"| {p['text']} | {value} | {p['sign']} {limit} | {'yes' if p['kept'] else '**no**'} |")
    return lines


def heading(report):
    m = report["machine"]
    lines = [f"{m['cpu']}, {m['cpus']} CPUs, Linux {m['kernel']}, load {m['load']:.2f} before; "
             f"congestion control {m['congestion']}. " + "; ".join(m["version"] + m["peers"]) + ".",
             f"Targets on CPU {','.join(map(str, m['target_cpus']))}, hosts on CPU "
             f"{','.join(map(str, m['host_cpus']))}. Median of {report['rounds']} rounds of "
             f"{report['seconds']:g} s, all rows in turn in each round."]
    others = sorted(t["others"] for r in report["rows"] for t in r["turns"] if "others" in t)
    if others:
        lines.append(f"Others used {statistics.median(others):.0f} % of a CPU in the median turn, "
                     f"{others[-1]:.0f} % in the worst.")
    if report["missing"]:
        lines.append("Not measured, not installed: " + ", ".join(report["missing"]) + ".")
    return lines


def markdown(report):
    lines = heading(report)
    for name in dict.fromkeys(r["work"] for r in report["rows"]):
        lines += ["", f"### {name}", ""] + table([r for r in report["rows"] if r["work"] == name])
    if any(r.get("traced") for r in report["rows"]):
        lines += ["", "\\* counted by strace in a run of its own, which slows both sides."]
    if report["verified"]:
        lines += ["", "Data, checked in a separate pass:", ""]
        lines += [f"- {name}: {text}" for name, text in report["verified"].items()]
    if report["promises"]:
        lines += ["", "### What was to be reached", ""] + promise_table(report["promises"])
    return "\n".join(lines) + "\n"
