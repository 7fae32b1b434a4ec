"""OCI runtimes of others (`--runtime`) that flood, babble or never end: one sentence, and an engine that serves on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import docker, processes
from tests.support.docker import Docker
from tests.support.engine import OurEngine
from tests.support.paths import LAUNCHERS
from tests.support.waiting import wait_until

FLOOD = "head -c 3000000 /dev/zero | tr '\\0' x"
PRELUDE = """#!/bin/sh
for word; do
  case $before in --log) log=$word;; --pid-file) pid=$word;; esac
  case $word in create|start|delete|kill|state) verb=${verb:-$word};; esac
  before=$word
done
"""
RUNTIMES = {  # what it does when it is called; `$verb`, `$log` and `$pid` are known
    "floods": f"[ $verb = create ] || exit 0; {FLOOD} >&2; {FLOOD}; exit 1",
    "logs": f'[ $verb = create ] || exit 0; {{ printf \'{{"level":"error","msg":"\'; {FLOOD}; echo \'"}}\'; }} '
    "| head -c 900000 > $log; exit 1",
    "says": '[ $verb = create ] || exit 0; { printf \'{"level":"error","msg":"no: \'; head -c 900000 /dev/zero '
    "| tr '\\0' x; echo '\"}'; } > $log; exit 1",
    "babbles": "[ $verb = create ] || exit 0; head -c 300000 /dev/urandom > $log; printf '\\377\\0001_0' > $pid",
    "nothing": "exit 0",
    "dies": "[ $verb = create ] || exit 0; kill -9 $$",
    "waits": "[ $verb = create ] || exit 0; exec sleep 1000",
    "chats": f'[ $verb = create ] && {FLOOD} >&2; exec {LAUNCHERS}/runc "$@"',
    "stumbles": f'[ $verb = start ] || exec {LAUNCHERS}/runc "$@"; head -c 9000000 /dev/zero | tr "\\0" x; exit 1',
}


@pytest.fixture(scope="module")
def engine(machine_unchanged: None, short_folder: Path, busybox_archive: Path) -> Iterator[OurEngine]:
    folder = short_folder / "hostile"
    folder.mkdir()
    for name, text in RUNTIMES.items():
        (folder / name).write_text(f"{PRELUDE}{text}\n")
        (folder / name).chmod(0o755)
    engine = OurEngine(short_folder / "rts", *(f"--add-runtime={name}={folder / name}" for name in RUNTIMES))
    try:
        docker.theirs(engine.start().host)("load", "-i", str(busybox_archive))
        yield engine
    finally:
        engine.close()


@pytest.fixture(scope="module")
def client(engine: OurEngine) -> Docker:
    return docker.theirs(engine.host)


@pytest.mark.parametrize("runtime", ["floods", "logs", "says", "babbles", "nothing", "dies", "stumbles"])
def test_a_start_that_fails_says_one_sentence(client: Docker, engine: OurEngine, runtime: str) -> None:
    """One that wrote more than a pipe holds was waited for for ever."""
    done = client.run("run", "--rm", "--network", "none", "--runtime", runtime, "busybox", "true", timeout=20)
    assert done.status in (125, 126, 127), done
    told = done.err.partition("\n\nRun 'docker")[0]
    assert told.startswith("docker: Error response from daemon: failed to "), told[:300]
    assert len(told) < 20_000
    assert not any(word in told for word in ("Traceback", "codec", "Errno", "\n"))
    assert client("ps", "-aq") == ""
    assert not shims(engine)


def test_what_a_runtime_says_beside_does_not_hold_up_the_container(client: Docker) -> None:
    """What fits a pipe comes before the container's own output."""
    done = client.run("run", "--rm", "--network", "none", "--runtime", "chats", "busybox", "sh", "-c", "echo here >&2")
    assert done.status == 0
    assert done.err == "x" * 65536 + "here\n"


@pytest.mark.by_path
def test_one_that_never_ends_holds_up_nobody_else(client: Docker, engine: OurEngine) -> None:
    """Its own container waits for it; whoever ends the runtime ends that."""
    with client.popen("run", "--rm", "--network", "none", "--runtime", "waits", "busybox", "true") as waiting:
        wait_until(lambda: bool(sleepers(engine)), "the runtime to be called")
        assert client("run", "--rm", "--network", "none", "busybox", "echo", "served", timeout=20) == "served"
        assert client("ps", "-aq", "--filter", "status=created")
        processes.end(sleepers(engine))
        assert waiting.wait(20) == 125
    assert client("ps", "-aq") == ""
    wait_until(lambda: not shims(engine), "the shims to end")


def sleepers(engine: OurEngine) -> list[processes.Process]:
    """Below the shims: those that are called by path are nobody's children."""
    below = {one.pid: one for shim in shims(engine) for one in processes.descendants(shim.pid)}
    return [one for one in below.values() if one.command == "sleep 1000"]


def shims(engine: OurEngine) -> list[processes.Process]:
    return [one for one in processes.mentioning(str(engine.folder)) if "-namespace moby" in one.command]
