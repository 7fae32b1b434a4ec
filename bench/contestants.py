"""The two engines side by side: fresh network and mount namespaces, one file system, the same image bytes."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support import docker, images, processes
from tests.support.engine import OurEngine
from tests.support.peers import OriginalEngine
from tests.support.processes import Process

SUITE = "sid"  # the tree of tools/peers that the original comes from


@dataclass(frozen=True)
class Contestant:
    """An engine under measurement, driven by Docker's own static client."""

    name: str
    engine: OurEngine | OriginalEngine
    client: docker.Docker

    def processes(self) -> list[Process]:
        """Every process of the engine itself: daemons, template, shims, port proxies; none of the containers'."""
        word = str(self.engine.folder) if isinstance(self.engine, OurEngine) else self.engine.name
        found = {p.pid: p for p in processes.mentioning(word)}
        for pid in (self.engine.pid, self.engine.containerd_pid):
            found |= {p.pid: p for p in processes.descendants(pid)}
        host = os.readlink("/proc/self/ns/pid")
        return [p for p in found.values() if _namespace(p.pid) == host and not p.command.startswith("sleep ")]

    def mounts(self) -> int:
        """The number of mounts that the engine sees."""
        return Path(f"/proc/{self.engine.pid}/mountinfo").read_text().count("\n")

    def links(self) -> set[str]:
        """The links of the engine's network, as the kernel lists them for its processes."""
        lines = Path(f"/proc/{self.engine.pid}/net/dev").read_text().splitlines()[2:]
        return {line.split(":")[0].strip() for line in lines}


def _namespace(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/ns/pid")
    except OSError:
        return ""


@contextmanager
def both(*, only_original: bool = False) -> Iterator[list[Contestant]]:
    """The contestants, ours first, running with busybox loaded. Everything is gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="swb", dir="/tmp"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        contestants = []
        if not only_original:
            ours = OurEngine(folder / "ours")
            stack.callback(ours.close)
            _give_run_folder(ours)
            ours.start()
            contestants.append(Contestant("ours", ours, docker.theirs(ours.host)))
        original = OriginalEngine(SUITE, folder / "sid")
        stack.callback(original.stop)
        contestants.append(Contestant("original", original, docker.theirs(original.host)))
        for contestant in contestants:
            contestant.client("load", "-i", str(images.busybox()))
        yield contestants


def _give_run_folder(ours: OurEngine) -> None:
    """What an installed engine keeps below /run is in memory, as it is for the original in its tree."""
    run = ours.folder / "run"
    run.mkdir()
    ours.sandbox.run("mount", "-t", "tmpfs", "tmpfs", run)
