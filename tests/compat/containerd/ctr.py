"""The originals' `ctr` on our containerd, and the tables that it prints."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.integration.containerd.daemon import OurContainerd
from tests.support.paths import PEERS_HOME


@dataclass(frozen=True, slots=True)
class Ctr:
    """`ctr` of one suite."""

    containerd: OurContainerd
    suite: str

    def __call__(self, *arguments: str | Path, stdin: bytes | None = None) -> str:
        """What it prints; AssertionError where it fails."""
        return self.containerd.ctr(*arguments, suite=self.suite, stdin=stdin).stdout.decode()

    def run(self, *arguments: str | Path, stdin: bytes | None = None) -> "subprocess.CompletedProcess[bytes]":
        """How it ends."""
        return self.containerd.ctr(*arguments, suite=self.suite, stdin=stdin, check=False)

    def argv(self, *arguments: str | Path) -> list[str]:
        """The command, for who holds its streams."""
        ours = self.containerd
        program = PEERS_HOME / self.suite / "usr/bin/ctr"
        where = ("--address", ours.address, "--namespace", ours.namespace)
        return ours.sandbox.command(program, *where, *arguments)


def row(table: str, name: str) -> list[str]:
    """The columns of the line that begins with `name`."""
    return next((line.split() for line in table.splitlines() if line.split()[:1] == [name]), [])
