"""Makes .venv from requirements-dev.lock. Runs on the system's Python before .venv exists: standard library only."""

import importlib.util
import shutil
import sys
import venv
from pathlib import Path

from tools.dev import packages, say
from tools.dev.progress import run

CHECKOUT = Path(__file__).resolve().parents[2]
VENV = CHECKOUT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = CHECKOUT / "requirements-dev.lock"
STAMP = VENV / "made-from.lock"  # ./dev compares it with the lock


def is_this_process() -> bool:
    """Whether .venv's Python is running this: ./dev takes another one while .venv is missing, broken or outdated."""
    return Path(sys.prefix) == VENV


def make() -> None:
    """Make or renew .venv. It is whole or has no stamp: a run that was interrupted starts over. Raises say.Failed."""
    if importlib.util.find_spec("ensurepip") is None:  # Debian keeps it in a package of its own
        packages.install([f"python3.{sys.version_info.minor}-venv"])
    STAMP.unlink(missing_ok=True)
    if not _has_pip():
        say.step(f"making .venv with {sys.executable}")
        venv.create(VENV, with_pip=True, clear=VENV.exists())
    say.step("installing the locked dependencies into .venv")
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", str(LOCK)]
    done = run("pip", [str(PYTHON), *install])
    if done.returncode:
        why = done.stdout.strip()
        raise say.Failed(f"pip could not install {LOCK.name} (hint: is PyPI reachable?); it says:\n{why}")
    shutil.copyfile(LOCK, STAMP)


def _has_pip() -> bool:
    """Pip is the last that venv.create makes. A Python that is gone (an upgraded system's) counts as no .venv."""
    return PYTHON.exists() and any(VENV.glob("lib/python3.*/site-packages/pip/__main__.py"))
