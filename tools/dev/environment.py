"""Makes .venv from requirements-dev.lock. Runs on the system's Python before .venv exists: standard library only."""

import importlib.util
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
VENV = CHECKOUT / ".venv"
LOCK = CHECKOUT / "requirements-dev.lock"
STAMP = VENV / "made-from.lock"  # ./dev compares it with the lock


def make() -> None:
    """Make or renew .venv. It is whole or has no stamp: a run that was interrupted starts over."""
    if importlib.util.find_spec("ensurepip") is None:  # Debian keeps it in a package of its own
        install_venv_package()
    STAMP.unlink(missing_ok=True)
    if not (VENV / "bin" / "python").exists():
        print(f"making .venv with {sys.executable} ...", flush=True)
        venv.create(VENV, with_pip=True, clear=VENV.exists())
    print("installing the locked dependencies into .venv ...", flush=True)
    install = [str(VENV / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if subprocess.run([*install, "--require-hashes", "-r", str(LOCK)], check=False).returncode:
        raise SystemExit(
            "dev: pip could not install requirements-dev.lock; it says why above (hint: is PyPI reachable?)"
        )
    shutil.copyfile(LOCK, STAMP)


def install_venv_package() -> None:
    """Install python3-venv by apt, as root or through sudo; one sentence when that cannot be."""
    package = f"python3.{sys.version_info.minor}-venv"
    print(f"missing system package: {package}; installing it ...", flush=True)
    as_root = [] if os.geteuid() == 0 else ["sudo"]
    if (as_root and not shutil.which("sudo")) or not shutil.which("apt-get"):
        raise SystemExit(f"dev: the package {package} is missing, and I cannot install it (hint: install it as root)")
    subprocess.run([*as_root, "apt-get", "update", "-qq"], check=False)
    options = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "-qq", package]
    if subprocess.run([*as_root, *options], stdout=subprocess.DEVNULL, check=False).returncode:
        raise SystemExit(f"dev: apt-get could not install {package}; it says why above")


if __name__ == "__main__":
    make()
