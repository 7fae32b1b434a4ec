"""Fifty containers of every kind while both daemons die: the list is true soon after they are back. Ours alone."""

import time
from collections import Counter
from pathlib import Path

import pytest

from tests.support import docker, processes
from tests.support.engine import OurEngine
from tests.support.programs import Programs
from tests.support.waiting import SLOWNESS, wait_until

KINDS = {
    "quiet": "exec sleep 600",
    "chatty": "while :; do echo line; usleep 20000; done",
    "ends": "mkfifo /go; read go < /go; exit 42",
    "again": "mkfifo /go || exec sleep 600; read go < /go; exit 1",
    "gone": "mkfifo /go; read go < /go",
}
EACH = 10
FLAGS = {"again": ("--restart", "always"), "gone": ("--rm",)}
TRUE_WITHIN = 5.0  # seconds, where a start with nothing to recover takes one; on a busy machine as many times longer
BY_PATH = 2.5  # seconds more, where each of some fifty calls of the runtime costs an interpreter's start
NO_DIGITS = str.maketrans("", "", "0123456789")


@pytest.mark.matrix
def test_the_list_is_true_within_five_seconds(fresh_engine: OurEngine, busybox_archive: Path) -> None:
    client = docker.theirs(fresh_engine.host)
    client("load", "-i", str(busybox_archive))
    fresh_engine.kill_both()
    begun = time.monotonic()
    fresh_engine.start()
    bare = time.monotonic() - begun
    allowed = (TRUE_WITHIN + BY_PATH * Programs.by_path) * max(1.0, bare) * SLOWNESS
    inits = {
        f"{kind}{number}": start(client, kind, f"{kind}{number}") for kind in KINDS for number in range(1, EACH + 1)
    }
    for name, init in inits.items():
        if name.startswith(("ends", "again", "gone")):
            wait_until(Path(f"/proc/{init.pid}/root/go").is_fifo, f"{name} to wait")
    fresh_engine.kill_both()
    shim = processes.read(inits["quiet1"].pid).parent  # type: ignore[union-attr] # now: its first one has passed it on
    with processes.stopped(shim):
        ended = [init for name, init in inits.items() if name.startswith(("ends", "again", "gone"))]
        for init in ended:
            Path(f"/proc/{init.pid}/root/go").write_text("go\n")
        wait_until(lambda: not any(init.is_alive() for init in ended), "the programs to end", 30)
        begun = time.monotonic()
        fresh_engine.start()
        wait_until(lambda: listed(client) == EXPECTED, f"the truth, and not {listed(client)}", allowed)
        took = time.monotonic() - begun
        assert took < allowed, f"the list was true after {took:.1f} s, and a bare start took {bare:.1f} s"
        assert {client("inspect", "-f", "{{.State.ExitCode}}", f"ends{number}") for number in (1, EACH)} == {"42"}
        assert client("run", "--rm", "busybox", "echo", "new", timeout=20) == "new"
    assert client("exec", "quiet1", "echo", "ok") == "ok"
    lines = client("logs", "chatty1").splitlines()
    wait_until(lambda: len(client("logs", "chatty1").splitlines()) > len(lines), "lines to flow")


EXPECTED = Counter({"quiet running": EACH, "chatty running": EACH, "ends exited": EACH, "again running": EACH})


def start(client: docker.Docker, kind: str, name: str) -> processes.Process:
    flags = FLAGS.get(kind, ())
    client("run", "-d", "--name", name, "--network", "none", *flags, "busybox", "sh", "-c", KINDS[kind])
    init = processes.read(int(client("inspect", "-f", "{{.State.Pid}}", name)))
    assert init is not None
    return init


def listed(client: docker.Docker) -> Counter[str]:
    """How many of which kind are in which state."""
    lines = client("ps", "-a", "--format", "{{.Names}} {{.State}}").splitlines()
    return Counter(line.translate(NO_DIGITS) for line in lines)
