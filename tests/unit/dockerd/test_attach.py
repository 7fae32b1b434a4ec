"""What an attached client is sent, and when its attach ends: heads of streams, the log, the end of its input."""

import asyncio
from collections import deque
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import pytest

from slipway.dockerd.containers.streams import attach_container
from slipway.dockerd.containers.streams.attach import frame
from slipway.dockerd.containers.streams.attach_container import AttachRequest, attach
from slipway.dockerd.logs.model import Entry


class Client:
    """Says `said`, closes its half, and stays."""

    def __init__(self, *said: bytes) -> None:
        self._said = deque(said)
        self.written = b""
        self.has_closed = asyncio.Event()

    async def read(self) -> bytes:
        if self._said:
            return self._said.popleft()
        self.has_closed.set()
        return b""

    async def write(self, data: bytes) -> None:
        self.written += data

    def close_sending(self) -> None: ...

    async def wait_lost(self) -> None:
        await asyncio.Event().wait()


class Streams:
    """A process that prints `output` once the client has closed its half, then ends if `ends`."""

    def __init__(self, client: Client, output: Iterable[tuple[str, bytes]], *, ends: bool) -> None:
        self._client = client
        self._output = deque(output)
        self._ends = ends
        self.taken = b""
        self.stdin_is_closed = False

    def subscribe(self, _streams: frozenset[str]) -> "Streams":
        return self

    def unsubscribe(self, _subscriber: object) -> None: ...

    async def read(self) -> list[tuple[str, bytes]]:
        await self._client.has_closed.wait()
        if not self._output and not self._ends:
            await asyncio.Event().wait()
        return [self._output.popleft()] if self._output else []

    async def wait_stdin(self) -> "Streams":
        return self

    async def write(self, data: bytes) -> None:
        self.taken += data

    def close_stdin(self) -> None:
        self.stdin_is_closed = True


def attached(
    monkeypatch: pytest.MonkeyPatch, config: dict[str, bool], *, ends: bool, multiplexed: bool, ends_with_input: bool
) -> tuple[Client, Streams]:
    monkeypatch.setattr(attach_container, "announce", lambda *_arguments: None)
    request = AttachRequest(
        stdin=True,
        stdout=True,
        stderr=True,
        stream=True,
        logs=True,
        multiplexed=multiplexed,
        ends_with_input=ends_with_input,
    )

    async def close_stdin(_id: str) -> None: ...

    async def run() -> tuple[Client, Streams]:
        client = Client(b"in")
        streams = Streams(client, [("stdout", b"out"), ("stderr", b"err")], ends=ends)
        tasks = SimpleNamespace(close_stdin=close_stdin)
        environment: Any = SimpleNamespace(containerd=SimpleNamespace(tasks=tasks))
        container: Any = SimpleNamespace(
            id="c", streams=streams, record=SimpleNamespace(config=SimpleNamespace(open_stdin=True, **config))
        )
        replay = [Entry(stream="stdout", line=b"logged\n", time=1)]
        async with asyncio.timeout(5):
            await attach(environment, container, client, request, replay)
        return client, streams

    return asyncio.run(run())


PIPE = {"tty": False, "stdin_once": True}


@pytest.mark.parametrize(
    ("config", "multiplexed", "expected"),
    [
        (PIPE, True, frame("stdout", b"logged\n") + frame("stdout", b"out") + frame("stderr", b"err")),
        (PIPE, False, b"logged\nouterr"),
        ({"tty": True, "stdin_once": True}, True, b"logged\nouterr"),
    ],
)
def test_output_is_headed_where_that_is_asked_and_there_is_no_terminal(
    monkeypatch: pytest.MonkeyPatch, config: dict[str, bool], multiplexed: bool, expected: bytes
) -> None:
    client, _ = attached(monkeypatch, config, ends=True, multiplexed=multiplexed, ends_with_input=False)
    assert client.written == expected


def test_the_end_of_the_input_is_the_process_s_where_it_reads_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the output goes on to its own end, although the attach would end with the input."""
    client, streams = attached(monkeypatch, PIPE, ends=True, multiplexed=False, ends_with_input=True)
    assert (streams.taken, streams.stdin_is_closed) == (b"in", True)
    assert client.written == b"logged\nouterr"


@pytest.mark.parametrize(
    "config",
    [{"tty": True, "stdin_once": True}, {"tty": False, "stdin_once": False}, {"tty": True, "stdin_once": False}],
)
def test_else_the_attach_ends_with_it_and_the_process_goes_on(
    monkeypatch: pytest.MonkeyPatch, config: dict[str, bool]
) -> None:
    _, streams = attached(monkeypatch, config, ends=False, multiplexed=False, ends_with_input=True)
    assert (streams.taken, streams.stdin_is_closed) == (b"in", False)
