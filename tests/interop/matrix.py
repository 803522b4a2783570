# SPDX-License-Identifier: BSD-3-Clause
"""The cases of the lab: which script, with what, in which guest, and what cannot be combined."""
import dataclasses
import itertools

# name -> (kernel image, root image)
GUESTS = {"6.12": ("linux-6.12", "trixie"), "7": ("linux-7", "sid")}
HASHES = {"1": "sha256", "2": "sha384"}
ROWS = ("wrong-key", "no-key-on-target", "no-key-on-host", "no-daemon", "plaintext-host", "plaintext-target",
        "other-hash")


@dataclasses.dataclass
class Case:
    """One run of a script in a guest. na: why it cannot be run there, else empty."""
    name: str
    guest: str
    script: str
    env: dict
    full: bool = False
    timeout: int = 180
    na: str = ""

    @property
    def direction(self):
        """Who of the two is Linux."""
        ends = {"host": "Linux host", "target": "Linux target", "both": "Linux both"}
        return ends[self.script.split("_")[1]]


def impossible(guest, hash_, derivation, agent="theirs"):
    """Why the peers of this guest cannot do that, or ''."""
    if guest == "6.12" and hash_ == "2" and agent == "theirs":
        return "tlshd 1.0 with gnutls 3.8.9 computes every binder with SHA-256"
    if guest == "6.12" and derivation == "rfc":
        return "nvme-cli 2.13 knows the derivation before libnvme 1.16 only"
    return ""


def tls_cross(script, guest):
    """Both identities, hashes and derivations with TLS required; digests with each derivation once."""
    for identity, hash_, derivation in itertools.product("01", "12", ("rfc", "compat")):
        name = f"tls-v{identity}-{HASHES[hash_]}-{derivation}"
        env = {"TLS": "required", "IDENTITY": identity, "HASH": hash_, "DERIVATION": derivation}
        # CI has the pairs that differ most; the rest is in the full tier
        full = hash_ == "1" and identity == "1" and guest == "7" and derivation == "compat"
        yield Case(name, guest, script, env, na=impossible(guest, hash_, derivation), full=full)


def session_cases(script, guest):
    """Plain, TLS and what goes with it, for one direction."""
    derivation = "compat" if guest == "6.12" else "rfc"
    tls = {"TLS": "required", "DERIVATION": derivation}
    optional = {"TLS": "optional", "DERIVATION": derivation}
    yield Case("plain", guest, script, {"TLS": "none"})
    yield from tls_cross(script, guest)
    yield Case("optional-tls", guest, script, optional)
    yield Case("optional-plain", guest, script, optional | {"PLAIN_HOST": "1"})
    yield Case("plain-digests", guest, script, {"TLS": "none", "DIGESTS": "-g -G"})
    yield Case("tls-digests", guest, script, tls | {"DIGESTS": "-g -G"})
    yield Case("tls-header-digest", guest, script, tls | {"DIGESTS": "-g"}, full=True)
    yield Case("tls-data-digest", guest, script, tls | {"DIGESTS": "-G"}, full=True)


def host_cases(guest):
    """The kernel's host on our target."""
    derivation = "compat" if guest == "6.12" else "rfc"
    tls = {"TLS": "required", "DERIVATION": derivation}
    yield from session_cases("linux_host_io", guest)
    yield Case("tls-3-queues", guest, "linux_host_io", tls | {"QUEUES": "3", "BACKEND": "device"})
    yield Case("plain-3-queues", guest, "linux_host_io", {"TLS": "none", "QUEUES": "3", "BACKEND": "mem"}, full=True)
    yield Case("admin-tls", guest, "linux_host_admin", tls)
    yield Case("admin-plain", guest, "linux_host_admin", {"TLS": "none"}, full=True)
    yield Case("file-system-tls", guest, "linux_host_fs", tls)
    yield Case("file-system-plain", guest, "linux_host_fs", {"TLS": "none"}, full=True)
    yield Case("restart-tls", guest, "linux_host_restart", tls)
    yield Case("restart-plain", guest, "linux_host_restart", {"TLS": "none"}, full=True)
    yield Case("kills-tls", guest, "linux_host_kills", tls, full=True, timeout=900)
    yield from refusals("linux_host_refused", guest, derivation)


def target_cases(guest):
    """Our host on the kernel's target."""
    derivation = "compat" if guest == "6.12" else "rfc"
    tls = {"TLS": "required", "DERIVATION": derivation}
    yield from session_cases("linux_target_io", guest)
    yield Case("keep-alive-tls", guest, "linux_target_keepalive", tls)
    yield Case("keep-alive-minutes", guest, "linux_target_keepalive", tls | {"SECONDS_LONG": "240"}, full=True,
               timeout=400)
    yield Case("namespace-gone-tls", guest, "linux_target_namespace_gone", tls)
    yield Case("namespace-gone-plain", guest, "linux_target_namespace_gone", {"TLS": "none"}, full=True)
    yield Case("5-gigabytes-tls", guest, "linux_target_long", tls, full=True, timeout=1300)
    yield from refusals("linux_target_refused", guest, derivation)


def refusals(script, guest, derivation, prefix="", more=None):
    """Each row of what goes wrong between two ends that do not fit."""
    for row in ROWS:
        for identity in "01" if row == "wrong-key" else "0":
            name = f"refused-{row}-v{identity}" if row == "wrong-key" else f"refused-{row}"
            yield Case(prefix + name, guest, script, {"TLS": "required", "ROW": row, "IDENTITY": identity,
                                                      "DERIVATION": derivation} | (more or {}))


def agent_cases(guest):
    """nvmetls-tlshd in the place of tlshd: with the kernel's host, with its target, with both."""
    derivation = "compat" if guest == "6.12" else "rfc"
    tls = {"TLS": "required", "DERIVATION": derivation, "AGENT": "ours"}
    for identity, hash_ in itertools.product("01", "12"):
        name = f"v{identity}-{HASHES[hash_]}"
        env = tls | {"IDENTITY": identity, "HASH": hash_}
        yield Case(f"host-{name}", guest, "linux_host_io", env, full=identity != hash_)
        yield Case(f"target-{name}", guest, "linux_target_io", env, full=identity != hash_)
        yield Case(f"both-{name}", guest, "linux_both_io", env)
    for way in ("host", "target"):
        for case in refusals(f"linux_{way}_refused", guest, derivation, f"{way}-", {"AGENT": "ours"}):
            case.full = guest != "7"
            yield case
    yield Case("64-at-once", guest, "linux_both_crowd", tls)
    yield Case("20-cycles", guest, "linux_both_cycles", tls)
    yield Case("1000-cycles", guest, "linux_both_cycles", tls | {"CYCLES": "1000"}, full=True, timeout=1800)
    yield Case("namespaces", guest, "linux_host_netns", tls)
    yield Case("key-store", guest, "linux_both_store", tls | {"IDENTITY": "1"})
    yield Case("killed", guest, "linux_both_killed", tls)


def cases():
    """All of them; names are GUEST/host|target|agent/NAME."""
    for guest in GUESTS:
        for way, make in (("host", host_cases), ("target", target_cases), ("agent", agent_cases)):
            for case in make(guest):
                case.name = f"{guest}/{way}/{case.name}"
                yield case
