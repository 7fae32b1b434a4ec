"""Makes .venv: requirements.lock for what runs, requirements-dev.lock on top for work here.

Runs on the system's Python before .venv exists: standard library only.
"""

import filecmp
import importlib.util
import shutil
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

from tools.dev import packages, say
from tools.dev.progress import run

CHECKOUT = Path(__file__).resolve().parents[2]
VENV = CHECKOUT / ".venv"
PYTHON = VENV / "bin" / "python"


@dataclass(frozen=True)
class Lock:
    """A lock file, and the copy of it in .venv that says: all of this is installed."""

    file: Path
    stamp: Path
    purpose: str

    def is_installed(self) -> bool:
        return self.stamp.exists() and filecmp.cmp(self.file, self.stamp, shallow=False)


# A newcomer's first demo waits for the first alone (./dev looks at its stamp, too). A test holds that the second has
# all of the first, version by version.
RUNNING = Lock(CHECKOUT / "requirements.lock", VENV / "made-from.lock", "the engine's locked dependencies")
DEVELOPING = Lock(CHECKOUT / "requirements-dev.lock", VENV / "made-from-dev.lock", "the locked tools of a developer")


def is_ready(*, developing: bool) -> bool:
    """Whether this process is .venv's Python, with all that is needed to run the engine, or to work on it.

    ./dev takes another Python while .venv is missing, broken or outdated.
    """
    locks = (RUNNING, DEVELOPING) if developing else (RUNNING,)
    return Path(sys.prefix) == VENV and all(lock.is_installed() for lock in locks)


def make(*, developing: bool) -> None:
    """Make or renew .venv. What is not wholly in it has no stamp: a run that was interrupted starts over.

    Where an engine runs from .venv already, what it uses stays as it is. Raises say.Failed.
    """
    if not _has_pip():
        _create()
    _install(DEVELOPING if developing else RUNNING)
    if developing and not RUNNING.is_installed():  # the developer's lock has it all
        shutil.copyfile(RUNNING.file, RUNNING.stamp)


def _create() -> None:
    if importlib.util.find_spec("ensurepip") is None:  # Debian keeps it in a package of its own
        packages.install([f"python3.{sys.version_info.minor}-venv"])
    say.step(f"making .venv with {sys.executable}")
    venv.create(VENV, with_pip=False, clear=VENV.exists())
    # As venv itself does it, but ended by an interrupt, which would leave its child and a folder in /tmp.
    done = run("ensurepip", [str(PYTHON), "-I", "-m", "ensurepip", "--upgrade", "--default-pip"], own_session=True)
    if done.returncode:
        raise say.Failed(f"pip could not be put into {VENV}; it says:\n{done.stdout.strip()}")


def _install(lock: Lock) -> None:
    lock.stamp.unlink(missing_ok=True)
    say.step(f"installing {lock.purpose} into .venv")
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    done = run("pip", [str(PYTHON), *install, "-r", str(lock.file)])
    if done.returncode:
        why = done.stdout.strip()
        raise say.Failed(f"pip could not install {lock.file.name} (hint: is PyPI reachable?); it says:\n{why}")
    shutil.copyfile(lock.file, lock.stamp)


def _has_pip() -> bool:
    """Pip is the last that venv.create makes. A Python that is gone (an upgraded system's) counts as no .venv."""
    return PYTHON.exists() and any(VENV.glob("lib/python3.*/site-packages/pip/__main__.py"))
