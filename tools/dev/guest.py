"""Runs tests in the guest of tools/vm: cgroup v2, systemd, AppArmor; emulated, so slow.

These are the tests of tests/guest, which need it, and those of our runc, shim and kernel calls, which run anywhere: a
sample (marked `in_guest`), or all of them.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

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


def run_tests(seconds: int, *, whole: bool) -> tuple[int, dict[str, int], str]:
    """(exit status, counts by outcome, what was printed). 124 when the guest was not done within `seconds`."""
    return _run(seconds, "not selinux" if whole else "(vm or in_guest) and not selinux")


def run_selinux_tests(seconds: int) -> tuple[int, dict[str, int], str]:
    """The same for those that need SELinux: the guest is booted with it, and given a policy."""
    return _run(seconds, "selinux", "--selinux", prepare=LOAD_POLICY)


def _run(seconds: int, markers: str, *boot: str, prepare: str = "") -> tuple[int, dict[str, int], str]:
    job = prepare + IN_THE_GUEST.replace("FOLDERS", FOLDERS).replace("MARKERS", markers)
    with tempfile.TemporaryDirectory() as folder:
        stage = Path(folder)
        for name in COPIED:
            _copy(CHECKOUT / name, stage / name)
        shutil.copytree(site_packages(), stage / "site-packages")
        _copy_original_runc(stage / "originals")
        _copy(CHECKOUT / ".dev" / "cache", stage / ".dev" / "cache")
        if boot:
            _compile_policy(stage / "policy")
        command = [str(CHECKOUT / "tools" / "vm" / "run"), *boot, "--time", str(seconds), folder, job]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode, _counts(done.stdout), done.stdout


def _compile_policy(target: Path) -> None:
    source = CHECKOUT / "tests/integration/runc/selinux.cil"
    unused = target.with_suffix(".contexts")
    subprocess.run(["secilc", "-c", POLICY_VERSION, "-o", str(target), "-f", str(unused), str(source)], check=True)


def _copy(origin: Path, target: Path) -> None:
    if origin.is_dir():
        shutil.copytree(origin, target, ignore=shutil.ignore_patterns("__pycache__", "*.lock"))
    elif origin.exists():
        shutil.copyfile(origin, target)


def _copy_original_runc(stage: Path) -> None:
    """The runc of sid and the libraries that it loads: bound over /usr they run it, for tests beside it."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    sid = Path(os.environ.get("PEERS_HOME") or Path(cache) / "slipway-peers") / "sid"
    for name in ORIGINAL_RUNC:
        target = stage / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(sid / name, target)


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
        subprocess.run([*pip, "--no-deps", "--target", str(fresh), *options, "-r", str(lock)], check=True)
        fresh.rename(place)
    return place
