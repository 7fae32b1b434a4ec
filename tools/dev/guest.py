"""Runs tests in the guest of tools/vm: cgroup v2, systemd, AppArmor; emulated, so slow.

These are the tests of tests/guest, which need it, and those of our runc, shim and kernel calls, which run anywhere: a
sample (marked `in_guest`), or all of them.
"""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.support import images, kept
from tools.dev import progress, say
from tools.dev.environment import CHECKOUT

GUEST_PYTHON = "3.11"  # Debian 12's
PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64", "manylinux_2_5_x86_64")
COPIED = ("src", "tests", "tools", "bin", "examples", "docs", "bench", "pyproject.toml")
LIBRARIES = "usr/lib/x86_64-linux-gnu"
ORIGINAL_RUNC = (
    "usr/sbin/runc",
    f"{LIBRARIES}/libc.so.6",
    f"{LIBRARIES}/libseccomp.so.2",
    "usr/lib64/ld-linux-x86-64.so.2",
)
CRIU = "/usr/sbin/criu"
CRIU_SCRIPT = """#!/bin/sh
here=$(dirname "$(dirname "$(realpath "$0")")")/criu
exec "$here/ld-linux-x86-64.so.2" --library-path "$here" "$here/criu" "$@"
"""
RESULTS = "@@results "
FOLDERS = "tests/guest tests/unit/linux tests/integration/runc tests/integration/shim"
IN_THE_GUEST = """
export PYTHONPATH=/src:/src/site-packages SLIPWAY_RESULTS=/tmp/results SLIPWAY_GUEST=1
python3 -m pytest --no-header --color=no -p tools.dev.pytest_progress --durations=20 -m "MARKERS" FOLDERS 2>&1
status=$?
echo "@@results $(cat /tmp/results)"; exit $status
"""
LOAD_POLICY = """
mountpoint -q /sys/fs/selinux || mount -t selinuxfs none /sys/fs/selinux
dd if=/src/policy of=/sys/fs/selinux/load bs=1M status=none
"""
POLICY_VERSION = "33"  # of Linux 6.1
GIVING_WAY = 5  # of nice(2)


@dataclass(frozen=True, kw_only=True)
class Boot:
    """One boot of the guest: the options of tools/vm/run, what to do first, and the tests that it is for."""

    name: str
    markers: str
    sample: str
    options: tuple[str, ...] = ()
    prepare: str = ""


PLAIN = Boot(name="guest", markers="not selinux", sample="(vm or in_guest) and not selinux")
WITH_SELINUX = Boot(
    name="guest-selinux", markers="selinux", sample="selinux", options=("--selinux",), prepare=LOAD_POLICY
)


@dataclass(frozen=True)
class Results:
    """`status` is 124 when the guest was not done within its time; `said` is all that it and its tests printed."""

    status: int
    counts: Mapping[str, int]
    said: str
    seconds: float


class Running:
    """The guest at its tests, beside whatever else goes on: it gives way, so that it takes what time others leave."""

    def __init__(self, process: "subprocess.Popen[bytes]", out: Path) -> None:
        self._process, self._out = process, out
        self._began = time.time()

    def results(self) -> Results:
        """Wait for its end. `seconds` is how long that took since the start."""
        status = self._process.wait()
        said = self._out.read_text("utf-8", "replace")
        return Results(status, _counts(said), said, self._out.stat().st_mtime - self._began)

    def end(self) -> None:
        """End it where it is: tools/vm/run, its time limit and the emulator are one session."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        self._process.wait()


@contextmanager
def running(boot: Boot, seconds: float, *, whole: bool) -> Iterator[Running]:
    """The guest, running the tests of `boot` (`whole`: every case) for at most `seconds`; ended with the block."""
    job = boot.prepare + IN_THE_GUEST.replace("FOLDERS", FOLDERS)
    job = job.replace("MARKERS", boot.markers if whole else boot.sample)
    with tempfile.TemporaryDirectory() as folder:
        stage = Path(folder, "src")
        fill(stage, boot)
        command = [str(CHECKOUT / "tools" / "vm" / "run"), *boot.options, "--time", f"{seconds:g}", str(stage), job]
        out = Path(folder, "out")
        with open(out, "wb") as file:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
            )
        _give_way(process.pid)
        guest = Running(process, out)
        try:
            yield guest
        finally:
            guest.end()


def _give_way(pid: int) -> None:
    """Let all else go first, where the kernel shares the processors among sessions (sched(7)) as where it does not."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, GIVING_WAY)
    with suppress(OSError):
        Path(f"/proc/{pid}/autogroup").write_text(f"{GIVING_WAY}")


def fill(stage: Path, boot: Boot) -> None:
    """Put what the guest sees at /src into a new folder."""
    for name in COPIED:
        _copy(CHECKOUT / name, stage / name)
    shutil.copytree(site_packages(), stage / "site-packages")
    _copy_originals(stage / "originals")
    _fill_cache()
    _copy(CHECKOUT / ".dev" / "cache", stage / ".dev" / "cache")
    if boot is WITH_SELINUX:
        _compile_policy(stage / "policy")


def _fill_cache() -> None:
    """With what the tests would make there: the guest reaches no packages, and has no compiler."""
    images.busybox()
    for folder in FOLDERS.split():
        for source in (CHECKOUT / folder).rglob("*.c"):
            kept.compiled(source)


def _compile_policy(target: Path) -> None:
    source = CHECKOUT / "tests/integration/runc/selinux.cil"
    unused = target.with_suffix(".contexts")
    subprocess.run(["secilc", "-c", POLICY_VERSION, "-o", str(target), "-f", str(unused), str(source)], check=True)


def _copy(origin: Path, target: Path) -> None:
    if origin.is_dir():
        shutil.copytree(origin, target, ignore=shutil.ignore_patterns("__pycache__", "*.lock"))
    elif origin.exists():
        shutil.copyfile(origin, target)


def _copy_originals(stage: Path) -> None:
    """The runc of sid, as a `/usr` that runs it, for tests beside it; and its criu, as a program for PATH."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    sid = Path(os.environ.get("PEERS_HOME") or Path(cache) / "slipway-peers") / "sid"
    for name in ORIGINAL_RUNC:
        target = stage / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(sid / name, target)
    libraries = stage / "criu"
    libraries.mkdir()
    for name in _loaded_by(sid, CRIU):
        shutil.copy(sid / name.lstrip("/"), libraries)
    program = stage / "bin" / "criu"
    program.parent.mkdir()
    program.write_text(CRIU_SCRIPT)
    program.chmod(0o755)


def _loaded_by(tree: Path, program: str) -> list[str]:
    """The program, its loader and its libraries, as paths inside the tree."""
    command = ["chroot", str(tree), "ldd", program]
    said = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    return [program, *re.findall(r"(/\S+) \(0x", said)]


def _counts(said: str) -> dict[str, int]:
    for line in said.splitlines():
        if line.startswith(RESULTS):
            return dict(json.loads(line.removeprefix(RESULTS))["counts"])
    return {}


def site_packages() -> Path:
    """The locked dependencies for the guest's Python, made once for each state of the lock."""
    lock = CHECKOUT / "requirements-dev.lock"
    place = CHECKOUT / ".dev" / "guest" / hashlib.sha256(lock.read_bytes()).hexdigest()[:12]
    if not place.exists():
        shutil.rmtree(place.parent, ignore_errors=True)
        fresh = place.with_suffix(".new")
        platforms = [word for platform in PLATFORMS for word in ("--platform", platform)]
        options = ["--only-binary=:all:", "--implementation", "cp", "--python-version", GUEST_PYTHON, *platforms]
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
        command = [*pip, "--no-deps", "--target", str(fresh), *options, "-r", str(lock)]
        done = progress.run("the guest's site-packages", command, own_session=True)
        if done.returncode:
            raise say.Failed(f"the guest's site-packages: {done.stdout.strip()}")
        fresh.rename(place)
    return place
