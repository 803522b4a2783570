# SPDX-License-Identifier: BSD-3-Clause
"""What the lab's cases gave, as a table and as JSON."""
import dataclasses
import datetime
import json

import matrix


@dataclasses.dataclass
class Result:
    """One case that ran, or could not."""
    case: matrix.Case
    verdict: str        # ok, RED, n/a
    output: str
    seconds: float

    def fields(self):
        """The columns of the table."""
        env = self.case.env
        tls = env.get("TLS", "none") != "none" and env.get("PLAIN_HOST") != "1"
        digests = {"": "none", "-g": "header", "-G": "data", "-g -G": "both"}[env.get("DIGESTS", "")]
        reason = self.output.strip().splitlines()[-1].removeprefix("n/a: ") if self.verdict == "n/a" else ""
        return {"case": self.case.name, "direction": self.case.direction, "guest": self.case.guest,
                "identity": "v" + env.get("IDENTITY", "0") if tls else "-",
                "hash": matrix.HASHES[env.get("HASH", "1")] if tls else "-",
                "derivation": env.get("DERIVATION", "rfc") if tls else "-",
                "transport": "TLS" if tls else "plain", "digests": digests,
                "result": self.verdict, "seconds": round(self.seconds), "reason": reason}


def peers(lab):
    """Guest -> what it is made of, with the versions of its packages."""
    known = {}
    for name, (kernel, root) in matrix.GUESTS.items():
        packages = (lab / f"{root}.packages").read_text().split("\n")
        versions = dict(p.split(" ", 1) for p in packages if " " in p)
        known[name] = {"kernel": (lab / f"{kernel}.version").read_text().strip(), "suite": root} | versions
    return known


def markdown(results, lab):
    """Peers, then one row a case."""
    lines = [f"Date: {datetime.date.today().isoformat()}", "", "| guest | kernel | packages |", "|---|---|---|"]
    for name, peer in peers(lab).items():
        rest = ", ".join(f"{k} {v}" for k, v in peer.items() if k not in ("kernel", "suite"))
        lines.append(f"| {name} | {peer['kernel']} | {peer['suite']}: {rest} |")
    columns = ("case", "direction", "identity", "hash", "derivation", "transport", "digests", "result", "seconds")
    lines += ["", "| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    reasons = {}
    for r in results:
        f = r.fields()
        if f["reason"]:
            number = reasons.setdefault(f["reason"], len(reasons) + 1)
            f["result"] += f" ({number})"
        lines.append("| " + " | ".join(str(f[c]) for c in columns) + " |")
    lines += [""] + [f"({number}) {reason}  " for reason, number in reasons.items()]
    return "\n".join(lines) + "\n"


def as_json(results, lab):
    """The same for machines."""
    return json.dumps({"date": datetime.date.today().isoformat(), "peers": peers(lab),
                       "cases": [r.fields() for r in results]}, indent=1) + "\n"
