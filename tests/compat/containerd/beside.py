"""The same `ctr` on an original containerd and on ours: what it said and did, comparable."""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.integration.containerd.daemon import OurContainerd
from tests.support.peers import PEERS_HOME, OriginalContainerd


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """One containerd, and the `ctr` of a suite on it. `folder` shows at the same path to both."""

    name: str
    address: str
    namespace: str
    folder: Path
    run: Callable[..., "subprocess.CompletedProcess[str]"]
    command: Callable[..., list[str]]
    """`ctr` with arguments, in whatever namespaces it takes, for who holds its streams."""

    def ctr(self, *arguments: str | Path) -> str:
        """Standard output of a `ctr` that must succeed."""
        done = self.run(*arguments)
        assert done.returncode == 0, (self.name, arguments, done.stderr)
        return done.stdout


def original(daemon: OriginalContainerd) -> Contestant:
    return Contestant(
        name=f"containerd of {daemon.suite}",
        address=daemon.address,
        namespace=daemon.namespace,
        folder=daemon.folder,
        run=lambda *arguments: daemon.ctr(*map(str, arguments)),
        command=lambda *arguments: daemon.ctr_argv(*map(str, arguments)),
    )


def ours(daemon: OurContainerd, suite: str) -> Contestant:
    program = str(PEERS_HOME / suite / "usr/bin/ctr")

    def command(*arguments: str | Path) -> list[str]:
        options = ("--address", daemon.address, "--namespace", daemon.namespace)
        return daemon.sandbox.command(program, *options, *map(str, arguments))

    def run(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(command(*arguments), capture_output=True, text=True, check=False, timeout=60)

    return Contestant(
        name=f"our containerd, ctr of {suite}",
        address=daemon.address,
        namespace=daemon.namespace,
        folder=daemon.folder,
        run=run,
        command=command,
    )
