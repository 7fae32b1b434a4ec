"""A request as the server hands it to its handler, and the answers that a handler may give."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from slipway.base.errors import InvalidArgument

REASONS = {
    101: "UPGRADED",  # what the original writes, and clients have seen for ten years
    200: "OK",
    201: "Created",
    204: "No Content",
    304: "Not Modified",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    413: "Request Entity Too Large",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    501: "Not Implemented",
    503: "Service Unavailable",
}


class BodyStream:
    """The bytes of one request's body as they arrive. Holds about `HIGH_WATER` bytes; then the socket is not read."""

    HIGH_WATER = 256 * 1024

    def __init__(self, on_full: Callable[[], None], on_drained: Callable[[], None]) -> None:
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._ended = False
        self._broken = False
        self._arrived = asyncio.Event()
        self._on_full = on_full
        self._on_drained = on_drained

    @property
    def is_complete(self) -> bool:
        """Whether the sender has sent all of it (read or not)."""
        return self._ended

    def feed(self, data: bytes) -> None:
        self._chunks.append(data)
        self._size += len(data)
        self._arrived.set()
        if self._size >= self.HIGH_WATER:
            self._on_full()

    def feed_end(self, *, broken: bool = False) -> None:
        """No more will come; `broken` when the connection ended before the body did."""
        self._broken = self._broken or (broken and not self._ended)
        self._ended = True
        self._arrived.set()

    async def read_chunk(self) -> bytes:
        """Some bytes, or b"" at the end; raises InvalidArgument if the sender went away in the middle."""
        while not self._chunks:
            if self._broken:
                raise InvalidArgument("the request body ended early")
            if self._ended:
                return b""
            self._arrived.clear()
            await self._arrived.wait()
        chunk = self._chunks.popleft()
        self._size -= len(chunk)
        if self._size < self.HIGH_WATER:
            self._on_drained()
        return chunk

    async def read_all(self, limit: int) -> bytes:
        """The whole body; raises InvalidArgument if it has more than `limit` bytes."""
        parts: list[bytes] = []
        size = 0
        while chunk := await self.read_chunk():
            size += len(chunk)
            if size > limit:
                raise InvalidArgument(f"the request body has more than {limit} bytes")
            parts.append(chunk)
        return b"".join(parts)


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request. Header names are lower case, of a repeated one the last counts; `target` is path and query, raw."""

    method: str
    target: bytes
    headers: Mapping[str, str]
    body: BodyStream
    keeps_alive: bool
    wants_upgrade: bool = False
    expects_continue: bool = False


@dataclass(frozen=True, kw_only=True)
class Response:
    """A whole answer."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, kw_only=True)
class StreamResponse:
    """An answer of unknown length, sent chunk by chunk. Headers go out at once, before the first chunk exists.

    When the client goes away, the iterator is cancelled where it waits.
    """

    chunks: AsyncIterator[bytes]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Hijack:
    """The connection becomes a raw stream of bytes, both ways: `serve` owns it from then on and closes it by returning.

    A client that asked for an upgrade gets 101, an older one 200, as the original answers. With `switch` it is another
    protocol, and these are the headers of its 101; whoever gives them has seen that the client asked for it.
    """

    serve: Callable[["RawStream"], Awaitable[None]]
    content_type: str = "application/vnd.docker.raw-stream"
    switch: Mapping[str, str] | None = None


class RawStream(Protocol):
    """What is left of a connection after HTTP: bytes in, bytes out, and each half closed on its own."""

    async def read(self) -> bytes:
        """Some bytes, or b"" when the client has closed its sending half, or has gone."""

    async def write(self, data: bytes) -> None:
        """Queue `data`; waits while the client reads too slowly. Raises ConnectionError when it has gone."""

    def close_sending(self) -> None:
        """Nothing more will be written; the client may still send."""

    async def wait_lost(self) -> None:
        """Return when the client has gone for good (not when it only closed its sending half)."""


Answer = Response | StreamResponse | Hijack


def head(status: int, headers: Mapping[str, str], reason: str = "") -> bytes:
    """Status line and headers, with the empty line."""
    lines = [f"HTTP/1.1 {status} {reason or REASONS.get(status, 'Unknown')}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")
