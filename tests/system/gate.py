"""A runtime that stops at a chosen verb until it is let go: a deterministic moment for a daemon to die in."""

from dataclasses import dataclass
from pathlib import Path

from tests.support.waiting import wait_until

SCRIPT = """#!/bin/sh
for word in "$@"; do
    case $word in create | start | exec | delete | kill | pause | resume) verb=$word; break ;; esac
done
if test -n "$verb" && mv {folder}/stop-at-$verb {folder}/reached 2>/dev/null; then
    until test -e {folder}/go; do sleep 0.01; done
fi
exec {runc} "$@"
"""


@dataclass(frozen=True)
class Gate:
    """Name `flag` to dockerd, and run containers with `--runtime gate`."""

    folder: Path
    runc: Path

    @property
    def flag(self) -> str:
        return f"--add-runtime=gate={self.folder}/runtime"

    def make(self) -> "Gate":
        self.folder.mkdir(parents=True)
        program = self.folder / "runtime"
        program.write_text(SCRIPT.format(folder=self.folder, runc=self.runc))
        program.chmod(0o755)
        return self

    def close_at(self, verb: str) -> None:
        """The next call of `verb` stops before it does anything."""
        for name in ("go", "reached"):
            (self.folder / name).unlink(missing_ok=True)
        (self.folder / f"stop-at-{verb}").touch()

    def wait_reached(self) -> None:
        wait_until((self.folder / "reached").exists, "the runtime to come to the gate")

    def open(self) -> None:
        """Let it go on."""
        (self.folder / "go").touch()
