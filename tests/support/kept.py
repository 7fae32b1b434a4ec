"""Files that are costly to make, kept below .dev/cache between runs; the guest of tools/vm gets them, too."""

import fcntl
import hashlib
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.support.paths import CACHE


def kept(name: str, make_it: Callable[[Path], object]) -> Path:
    """The file `name` below the cache, made whole by `make_it` when it is missing; two runs at once make it once."""
    CACHE.mkdir(parents=True, exist_ok=True)
    path = CACHE / name
    with open(CACHE / f"{name}.lock", "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
                made = Path(scratch) / name
                make_it(made)
                made.rename(path)
    return path


def compiled(source: Path) -> Path:
    """The static program of one C file. The guest has no compiler: what runs there was made here before."""
    return _compiled(source, "-static", suffix="")


def library(source: Path) -> Path:
    """The same as a library, to be loaded before a program's own."""
    return _compiled(source, "-shared", "-fPIC", suffix=".so")


def _compiled(source: Path, *options: str, suffix: str) -> Path:
    key = hashlib.sha256(source.read_bytes()).hexdigest()[:12]
    command = ["gcc", *options, "-O1", str(source), "-o"]
    return kept(f"{source.stem}-{key}{suffix}", lambda target: subprocess.run([*command, str(target)], check=True))
