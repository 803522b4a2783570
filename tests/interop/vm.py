# SPDX-License-Identifier: BSD-3-Clause
"""A guest of the lab: QEMU with a kernel and a root of ./images, a shared directory, one command at a time."""
import os
import pathlib
import platform
import shlex
import shutil
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent
BOOTS = 3           # a guest that dies before its init ran is started again: emulation has such a race
BOOT_S = 90


class LabError(Exception):
    """The guest, not the case, went wrong."""


def libraries(program):
    """The shared libraries of a program as ldd finds them, and the dynamic loader."""
    text = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    found = [part for line in text.splitlines() for part in line.split() if part.startswith("/")]
    return {path: ("ld.so" if "ld-linux" in path else pathlib.Path(path).name) for path in found}


class Vm:
    """One guest. Everything of it lives in the directory given; stop() ends it by its pid."""

    def __init__(self, lab, where, kernel, root, build):
        self.lab, self.kernel, self.root = lab, kernel, root
        self.share = where / "share"
        self.console = where / "console.log"
        self.process = None
        self.closed = False
        self.count = 0
        (self.share / "cmd").mkdir(parents=True)
        for name in ("guest", "cases"):
            shutil.copytree(HERE / name, self.share / name)
        ours = self.share / "ours"
        ours.mkdir()
        for program in ("nvmetls", "nvmetls-target", "nvmetls-tlshd"):
            shutil.copy2(build / program, ours)
            for path, name in libraries(build / program).items():
                shutil.copy2(path, ours / name)

    def command(self, accel):
        """QEMU's command line."""
        # the TSC of an emulated CPU is measured wrong on a busy machine: time then runs several times too fast
        append = ("console=ttyS0 panic=-1 mitigations=off nokaslr tsc=unstable clocksource=acpi_pm "
                  "random.trust_cpu=on net.ifnames=0 no_timer_check loglevel=6")
        return ["setpriv", "--pdeathsig", "KILL", "nice", "-n", "5", "qemu-system-x86_64",
                "-name", f"nvmetls-lab-{self.kernel}", "-M", "pc,usb=off,vmport=off", "-accel", accel,
                "-cpu", "host" if accel == "kvm" else "max", "-smp", "2", "-m", "2048",
                "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
                "-kernel", self.lab / f"{self.kernel}.vmlinuz", "-initrd", self.lab / f"{self.kernel}.initrd",
                "-append", append, "-serial", f"file:{self.console}",
                "-drive", f"file={self.lab / self.root}.erofs,if=none,id=root,format=raw,readonly=on,file.locking=off",
                "-device", "virtio-blk-pci,drive=root", "-device", "virtio-rng-pci",
                "-virtfs", f"local,path={self.share},mount_tag=lab,security_model=none,multidevs=remap"]

    def start_once(self, accel, seconds):
        """True when the guest's init has begun its work."""
        started = self.share / "started"
        started.unlink(missing_ok=True)
        with open(self.console.with_suffix(".qemu"), "wb") as log:
            self.process = subprocess.Popen([str(a) for a in self.command(accel)], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.process.poll() is None:
            if started.exists():
                return True
            time.sleep(0.1)
        self.stop()
        return False

    def accel(self):
        """kvm where this machine boots the guest with it (tried once, remembered), else tcg."""
        if os.environ.get("NVMETLS_LAB_ACCEL"):
            return os.environ["NVMETLS_LAB_ACCEL"]
        known = self.lab / f"accel-{platform.release()}-{self.kernel}"
        if not known.exists():
            kvm = os.access("/dev/kvm", os.R_OK | os.W_OK) and self.start_once("kvm", 20)
            self.stop()
            known.write_text("kvm" if kvm else "tcg,thread=multi")
        return known.read_text()

    def boot(self):
        """Start it, or LabError."""
        accel = self.accel()
        for _ in range(BOOTS):
            if self.closed:
                raise LabError("interrupted")
            if self.start_once(accel, BOOT_S):
                return
        tail = self.console.read_text(errors="replace")[-2000:] if self.console.exists() else ""
        raise LabError(f"{self.kernel} did not boot in {BOOTS} attempts:\n{tail}\n"
                       + self.console.with_suffix(".qemu").read_text(errors="replace"))

    def run(self, script, env, timeout):
        """A script of cases/ with an environment: (exit status, output). LabError when the guest is gone."""
        self.count += 1
        base = self.share / "cmd" / str(self.count)
        words = " ".join(f"{k}={shlex.quote(v)}" for k, v in env.items())
        line = f"{words} timeout -k 10 {timeout} bash /lab/cases/{script}.sh\n"
        base.with_suffix(".new").write_text(line)
        base.with_suffix(".new").rename(base.with_suffix(".sh"))
        done = base.with_suffix(".rc")
        end = time.monotonic() + timeout + 60
        while not done.exists():
            if self.process.poll() is not None or time.monotonic() > end:
                self.stop()
                raise LabError(self.output(base) + "\nthe guest is gone, or does not answer; its console:\n"
                               + self.console.read_text(errors="replace")[-3000:])
            time.sleep(0.05)
        return int(done.read_text()), self.output(base)

    @staticmethod
    def output(base):
        """What a command has said so far."""
        out = base.with_suffix(".out")
        return out.read_text(errors="replace") if out.exists() else ""

    def close(self):
        """End it for good."""
        self.closed = True
        self.stop()

    def stop(self):
        """End QEMU; nothing else is touched."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
