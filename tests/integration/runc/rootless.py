"""Our runc run by an ordinary user: in a mount namespace of its own, where the checkout can be read by everybody."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from slipway.runc.spec.example import make_rootless
from tests.integration.runc.conftest import Machine
from tests.support import oci_record
from tests.support.ordinary_user import IDENTITY, USER, give
from tests.support.paths import CHECKOUT

PLACE = "/mnt"  # of the checkout, which may lie in a folder that is its owner's alone
PYTHON = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
LAUNCH = f"import sys; sys.path.insert(0, '{PLACE}/src')\nfrom slipway.launch.runc import main; main()"

Change = Callable[[dict[str, Any]], None]


class UserMachine(Machine):
    """As Machine, for an ordinary user. Its bundles are rootless ones of that user."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.environment: tuple[str, ...] = ()
        self.files: dict[str, str] = {}
        os.chown(folder, USER, USER)

    def argv(self, *words: str) -> list[str]:
        """Any command, run by root as the user."""
        binds = [word for file, path in self.files.items() for word in (path, file)]
        script = 'while [ "$1" != -- ]; do mount --bind "$1" "$2" || exit 9; shift 2; done; shift; exec "$@"'
        return ["sh", "-c", script, "sh", str(CHECKOUT), PLACE, *binds, "--", *IDENTITY, *self._environment(), *words]

    def _environment(self) -> list[str]:
        return ["env", f"HOME={self.folder}", *self.environment]

    def runc_argv(self, *words: str) -> list[str]:
        oci_record.note_words(("--root", *words))
        return self.argv(PYTHON, "-I", "-S", "-c", LAUNCH, "--root", str(self.root), *words)

    def as_user(self, *words: str) -> subprocess.CompletedProcess[str]:
        argv = ["unshare", "-m", "--propagation", "private", *self.argv(*words)]
        return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)

    def show(self, path: str, text: str) -> None:
        """Let the user see `text` in the place of a file of the machine."""
        file = self.folder / f"file{len(self.files)}"
        file.write_text(text)
        file.chmod(0o644)
        self.files[path] = str(file)

    def bundle(self, *args: str, change: Change | None = None) -> Path:
        def to_rootless(spec: dict[str, Any]) -> None:
            make_rootless(spec, USER, USER)
            del spec["linux"]["cgroupsPath"]
            if change is not None:
                change(spec)

        path = super().bundle(*args, change=to_rootless)
        give(path)
        return path

    def written_by(self, bundle: Path) -> dict[str, Any]:
        """The configuration of a bundle as it is now."""
        result: dict[str, Any] = json.loads((bundle / "config.json").read_text())
        return result
