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
if test -n "$verb" && test -e {folder}/stop-after-$verb; then
    {runc} "$@"
    status=$?
    mv {folder}/stop-after-$verb {folder}/reached
    until test -e {folder}/go; do sleep 0.01; done
    exit $status
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
        self.program.write_text(SCRIPT.format(folder=self.folder, runc=self.runc))
        self.program.chmod(0o755)
        return self

    @property
    def program(self) -> Path:
        return self.folder / "runtime"

    def close_at(self, verb: str, *, when: str = "at") -> None:
        """The next call of `verb` stops before it does anything, or "after" it has done all and did not say so yet."""
        for name in ("go", "reached"):
            (self.folder / name).unlink(missing_ok=True)
        (self.folder / f"stop-{when}-{verb}").touch()

    def wait_reached(self) -> None:
        wait_until((self.folder / "reached").exists, "the runtime to come to the gate")

    def open(self) -> None:
        """Let it go on."""
        (self.folder / "go").touch()
