"""`./dev lock`: requirements.lock (what runs), requirements-dev.lock (for work here), hashed, from pyproject.toml."""

import os
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from tools.dev.environment import CHECKOUT

COMPILE = (
    *(sys.executable, "-m", "piptools", "compile", "--quiet", "--generate-hashes", "--strip-extras", "--allow-unsafe"),
    *("--no-emit-index-url", "--no-emit-find-links", "--no-emit-trusted-host", "--no-annotate"),
)


def main(argv: list[str]) -> int:
    """`./dev lock [--upgrade]`: without --upgrade, what is locked stays where it may."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    runs = project["project"]["dependencies"]
    develops = project["dependency-groups"]["dev"]
    return compile_lock("requirements.lock", runs, argv[1:]) or compile_lock(
        "requirements-dev.lock", [*runs, *develops], argv[1:]
    )


def compile_lock(name: str, wanted: list[str], options: list[str]) -> int:
    """Resolve `wanted` into the lock file `name`; the exit status of pip-compile."""
    print(f"locking {name} ...", flush=True)
    environment = os.environ | {"CUSTOM_COMPILE_COMMAND": "./dev lock", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "wanted.in"
        source.write_text("\n".join(wanted) + "\n")
        command = [*COMPILE, *options, "--output-file", name, str(source)]
        return subprocess.run(command, cwd=CHECKOUT, env=environment, check=False).returncode
