"""What clients that hang in a request see when dockerd is killed: a clear end, as with the original."""

import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support import docker
from tests.support.engine import OurEngine
from tests.support.peers import OriginalEngine
from tests.support.waiting import wait_until

HANGING = {
    "wait": ("wait", "box"),
    "logs -f": ("logs", "-f", "box"),
    "attach": ("attach", "--no-stdin", "box"),
    "exec": ("exec", "box", "sh", "-c", "echo here; exec sleep 600"),
    "events": ("events",),
    "run": ("run", "--name", "box1", "busybox", "sh", "-c", "echo here; exec sleep 600"),
    "run --rm": ("run", "--rm", "busybox", "sh", "-c", "echo here; exec sleep 600"),
    "start -a": ("start", "-a", "box2"),
    "stop": ("stop", "-t", "600", "box"),
}
SILENT = ("wait", "stop")


class End(NamedTuple):
    """How a client ended: its status, and its last words without what differs between engines and clients."""

    status: int
    words: str


@pytest.fixture(scope="module")
def original_ends(machine_unchanged: None, short_folder: Path, busybox_archive: Path) -> Iterator[dict[str, End]]:
    engine = OriginalEngine("sid", short_folder / "gone", "--feature", "containerd-snapshotter=true", "--live-restore")
    try:
        yield ends_of_clients(docker.theirs(engine.host), engine.kill, busybox_archive)
    finally:
        engine.stop()


@pytest.mark.parametrize("whose", [docker.ours, docker.theirs])
def test_hanging_clients_end_as_with_the_original(
    original_ends: dict[str, End], short_folder: Path, busybox_archive: Path, whose: Callable[[str], docker.Docker]
) -> None:
    engine = OurEngine(Path(tempfile.mkdtemp(prefix="own", dir=short_folder)))
    try:
        engine.start()
        ends = ends_of_clients(whose(engine.host), engine.kill, busybox_archive)
    finally:
        engine.close()
    assert ends == original_ends
    assert all(end.status for end in ends.values())


def ends_of_clients(client: docker.Docker, kill: Callable[[], None], archive: Path) -> dict[str, End]:
    """Bring every client to where it waits for the daemon, kill that, and see them end."""
    client("load", "-i", str(archive))
    script = "trap 'touch /asked' TERM; echo here; while :; do echo here; sleep 0.1; done"
    client("run", "-d", "--name", "box", "busybox", "sh", "-c", script)
    client("create", "--name", "box2", "busybox", "sh", "-c", "echo here; exec sleep 600")
    init = client("inspect", "-f", "{{.State.Pid}}", "box")
    clients = {name: client.popen(*words) for name, words in HANGING.items()}
    try:
        for name, running in clients.items():
            if name not in SILENT:
                assert running.stdout is not None
                assert running.stdout.readline()
        wait_until(Path(f"/proc/{init}/root/asked").exists, "the stop to be under way")
        let_starts_end(client)
        kill()
        return {name: end_of(running) for name, running in clients.items()}
    finally:
        for running in clients.values():
            running.kill()
            running.communicate()


def let_starts_end(client: docker.Docker) -> None:
    """A program is heard before its start is answered. Pausing takes turns with the start."""

    def started() -> list[str]:
        names = client("ps", "--format", "{{.Names}}").split()
        return [name for name in names if name != "box"] if len(names) == 4 else []

    names = wait_until(started, "three containers beside the box")
    client("pause", *names)
    client("unpause", *names)


def end_of(client: "subprocess.Popen[bytes]") -> End:
    words = client.communicate(timeout=10)[1].decode()
    words = re.sub(r'^time="[^"]*" level=error msg="(.*)"$', r"\1", words, flags=re.MULTILINE)
    words = re.sub(r"http://\S+docker\.sock/v[0-9.]+", "http://SOCKET", words)
    return End(client.returncode, words)
