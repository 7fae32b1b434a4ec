"""A logging program is started, waited for, and ended; nobody else waits for it."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from slipway.base.errors import EngineError
from slipway.shim.stdio import logger
from slipway.shim.stdio.address import address_from_name
from slipway.shim.stdio.logger import Logger
from slipway.transport.plain.children import Children
from slipway.transport.plain.loop import Loop

READY = "exec 5>&-"
HANDLED = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ)


class Shim:
    """The loop and the children of a shim."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.loop = Loop()
        self.loop.open()
        self.children = Children(self.loop)
        self.children.open()

    def start(self, *lines: str) -> Logger:
        program = self.folder / "program"
        program.write_text("\n".join(["#!/bin/sh", *lines]).replace("{folder}", str(self.folder)))
        program.chmod(0o755)
        return self.start_named(f"binary://{program}")

    def start_named(self, name: str) -> Logger:
        starting = Logger.start(self.loop, self.children, address_from_name(name), "box", "moby")
        started: Logger = self.loop.run_until(self.loop.spawn(starting))
        return started

    def wait_end(self, started: Logger) -> int:
        status: int = self.loop.run_until(started.exited).status
        return status


@pytest.fixture
def shim(tmp_path: Path) -> Iterator[Shim]:
    handlers = {number: signal.getsignal(number) for number in HANDLED}
    shim = Shim(tmp_path)
    before = open_descriptors()
    yield shim
    assert open_descriptors() == before
    shim.children.close()
    shim.loop.close()
    for number, handler in handlers.items():
        signal.signal(number, handler)


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def close(started: Logger) -> None:
    os.close(started.stdout)
    os.close(started.stderr)


def test_it_reads_until_both_streams_end(shim: Shim) -> None:
    started = shim.start(
        READY, "read out <&3; read err <&4; echo $out $err $CONTAINER_ID/$CONTAINER_NAMESPACE >{folder}/said"
    )
    os.write(started.stdout, b"out\n")
    os.write(started.stderr, b"err\n")
    close(started)
    assert shim.wait_end(started) == 0
    assert (shim.folder / "said").read_text() == "out err box/moby\n"


def test_a_byte_says_that_it_is_ready_too(shim: Shim) -> None:
    started = shim.start("printf x >&5; exec cat <&3")
    close(started)
    assert shim.wait_end(started) == 0


def test_a_program_may_end_well_before_anybody_writes(shim: Shim) -> None:
    """Another may read in its place."""
    started = shim.start("exit 0")
    close(started)
    assert shim.wait_end(started) == 0


@pytest.mark.parametrize(
    ("line", "words"), [("exit 3", "it ended with status 3"), ("kill -9 $$", "it ended with status 137")]
)
def test_one_that_fails_is_told(shim: Shim, line: str, words: str) -> None:
    for _ in range(20):
        with pytest.raises(EngineError, match=words):
            shim.start(line)


def test_one_that_cannot_be_run_is_told(shim: Shim) -> None:
    with pytest.raises(EngineError, match="start logging program /nowhere: No such file or directory"):
        shim.start_named("binary:///nowhere")


def test_one_that_is_never_ready_is_killed(shim: Shim, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logger, "READY_SECONDS", 0.2)
    with pytest.raises(EngineError, match=r"not ready within 0\.2 s"):
        shim.start("echo $$ >{folder}/pid; exec sleep 1000")
    pid = int((shim.folder / "pid").read_text())
    shim.loop.run_until(shim.loop.spawn(shim.loop.sleep(0.05)))
    assert not Path(f"/proc/{pid}").exists()


def test_others_are_served_while_it_is_not_ready(shim: Shim) -> None:
    ticks: list[int] = []

    async def tick() -> None:
        while not (shim.folder / "go").exists():
            ticks.append(1)
            if len(ticks) == 5:
                (shim.folder / "go").touch()
            await shim.loop.sleep(0.005)

    shim.loop.spawn(tick())
    started = shim.start("until [ -e {folder}/go ]; do sleep 0.01; done", READY)
    close(started)
    assert len(ticks) == 5
    shim.wait_end(started)


def test_one_that_does_not_end_when_asked_is_killed(shim: Shim, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logger, "_KILLED_AFTER", 0.05)
    started = shim.start("trap '' TERM", READY, "while :; do sleep 0.01; done")
    started.stop()
    assert shim.wait_end(started) == 128 + signal.SIGKILL
    close(started)
    started.stop()  # of one that has ended is nothing
