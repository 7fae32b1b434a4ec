"""A hijacked connection that speaks WebSocket, as a stream of bytes: what is written becomes messages, what messages
carry is read.

    raw bytes ─▶ WebSocket ─▶ input, bounded ─▶ read()     a task of its own answers pings and sees the close frame,
    raw bytes ◀─ frames ◀───────────────────── write()     also while nobody reads
"""

import asyncio
from codecs import getincrementaldecoder
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from slipway.transport.aio.http_messages import RawStream
from slipway.wire.websocket import (
    INTERNAL_ERROR,
    NORMAL,
    Broken,
    Closed,
    Data,
    Event,
    Ping,
    WebSocket,
    close_frame,
    data_frame,
    pong_frame,
)

HIGH_WATER: Final = 256 * 1024
CLOSE_SECONDS: Final = 1.0  # for the client to answer a close frame, or to take the one that answers its own

Serve = Callable[["WebSocketStream"], Awaitable[None]]


async def serve_websocket(
    raw: RawStream, serve: Serve, *, takes_input: bool, text: bool = False, close_seconds: float = CLOSE_SECONDS
) -> None:
    """Let `serve` talk over `raw`, then close it as WebSocket wants it. Raises what `serve` raises.

    Without `takes_input` nobody is going to read: what the client says is dropped, and its close frame is its going.
    With `text` messages are text, not binary, and hold whole characters: what is none is replaced.
    """
    stream = WebSocketStream(raw, takes_input=takes_input, text=text)
    receiving = asyncio.get_running_loop().create_task(stream.receive(), name="websocket input")
    code = INTERNAL_ERROR
    try:
        await serve(stream)
        code = NORMAL
    finally:
        try:
            with suppress(ConnectionError, TimeoutError):
                async with asyncio.timeout(close_seconds):
                    await stream.finish(code, receiving)
        finally:
            receiving.cancel()
            await asyncio.wait([receiving])


class WebSocketStream:
    """The RawStream that `serve_websocket` gives; each half closes on its own."""

    def __init__(self, raw: RawStream, *, takes_input: bool, text: bool) -> None:
        self._raw = raw
        self._socket = WebSocket()
        self._takes_input = takes_input
        self._decoder = getincrementaldecoder("utf-8")("replace") if text else None
        self._input: deque[bytes] = deque()
        self._input_size = 0
        self._ended = asyncio.Event()  # the client's half
        self._changed = asyncio.Event()
        self._last: Closed | Broken | None = None
        self._gone = asyncio.Event()
        self._close_is_sent = False

    async def read(self) -> bytes:
        """Some of what the client says; b"" when it has closed its half, or has gone."""
        while not self._input and not self._ended.is_set():
            await self._change()
        data = self._input.popleft() if self._input else b""
        self._input_size -= len(data)
        self._changed.set()
        return data

    async def write(self, data: bytes) -> None:
        """As a message of its own. Raises ConnectionError when the client has gone, or was told to go."""
        if self._close_is_sent or self._gone.is_set():
            raise ConnectionResetError("the websocket is closed")
        if self._decoder is not None:
            data = self._decoder.decode(data).encode()
        if data:
            await self._raw.write(data_frame(data, text=self._decoder is not None))

    def close_sending(self) -> None:
        """No more output follows: the close frame says so, once both halves are done with."""

    async def wait_lost(self) -> None:
        """Return when the client has gone, or has broken the protocol."""
        waiting = [asyncio.ensure_future(self._raw.wait_lost()), asyncio.ensure_future(self._gone.wait())]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waiting:
                each.cancel()

    async def receive(self) -> None:
        """Take what comes, to the very end: what follows a close frame or a mistake is dropped.

        A connection that ends without close frame has ended for one half only, as other hijacked ones do, if somebody
        takes the input. After a close frame it is the client that has gone.
        """
        with suppress(ConnectionError):  # whoever writes learns of it, too
            while data := await self._raw.read():
                for event in self._socket.feed(data):
                    await self._take(event)
        if self._last is not None or not self._takes_input:
            self._gone.set()
        self._end_input()

    async def finish(self, code: int, receiving: "asyncio.Task[None]") -> None:
        """Send the close frame, and take what still comes until the client has answered it: closing with unread input
        would cut off what it has not yet read itself."""
        self._takes_input = False
        self._input.clear()
        self._input_size = 0
        self._changed.set()
        self._close_is_sent = True
        if isinstance(self._last, Broken):
            await self._raw.write(close_frame(self._last.code, self._last.reason))
            self._raw.close_sending()
            await asyncio.wait([receiving])
        elif self._last is not None:
            await self._raw.write(close_frame(self._last.code))
        else:
            await self._raw.write(close_frame(code))
            await self._ended.wait()

    async def _take(self, event: Event) -> None:
        if isinstance(event, Data):
            await self._keep(event.payload)
        elif isinstance(event, Ping):
            await self._raw.write(pong_frame(event.payload))
        elif isinstance(event, Closed | Broken):
            self._last = event
            if isinstance(event, Broken) or not self._takes_input:
                self._gone.set()
            self._end_input()

    async def _keep(self, payload: bytes) -> None:
        """Wait while enough is here: the client is not read on meanwhile."""
        while self._takes_input and self._input_size >= HIGH_WATER:
            await self._change()
        if self._takes_input and payload:
            self._input.append(payload)
            self._input_size += len(payload)
            self._changed.set()

    def _end_input(self) -> None:
        self._ended.set()
        self._changed.set()

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()
