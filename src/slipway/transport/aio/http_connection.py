"""One client's connection: requests in order, one answer each, or a raw stream after a hijack.

    bytes ─▶ RequestParser ─▶ queue of requests ─▶ handler ─▶ answer ─▶ bytes
                  │ after an upgrade
                  └────────────▶ raw input ─▶ whoever hijacked

The socket is not read while a body, the queue or the raw input holds enough; nothing is written while the client reads
too slowly.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress

from slipway.base.errors import EngineError
from slipway.transport.aio.http_messages import Answer, Hijack, Request, Response, StreamResponse, head
from slipway.transport.aio.http_parser import ParserEvents, RequestParser

Handler = Callable[[Request], Awaitable[Answer]]
RefuseMalformed = Callable[[EngineError], Response]

RAW_HIGH_WATER = 256 * 1024
QUEUE_HIGH_WATER = 8
# How long, and how much, a client may go on sending after its answer, before the connection is closed: Go's bounds.
LINGER_SECONDS = 0.5
LINGER_BYTES = 256 * 1024


class HttpConnection(asyncio.Protocol):
    """The protocol of one connection. `handler` must not raise; `refuse` words the answer to what is not HTTP."""

    def __init__(self, handler: Handler, refuse: RefuseMalformed, connections: "set[HttpConnection]") -> None:
        self._handler = handler
        self._refuse = refuse
        self._connections = connections
        self._transport: asyncio.Transport | None = None
        self._parser = RequestParser(
            ParserEvents(request=self._queue_request, body_full=self._pause, body_drained=self._resume)
        )
        self._requests: deque[Request] = deque()
        self._arrived = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._lost = asyncio.Event()
        self._input_ended = False
        self._malformed: EngineError | None = None
        self._is_refused = False  # by us; what is malformed within a body is its handler's to refuse
        self._raw: deque[bytes] | None = None  # not None: hijacked
        self._raw_size = 0
        self._task: asyncio.Task[None] | None = None
        self._stream_task: asyncio.Task[None] | None = None

    # asyncio calls these.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "pause_reading")
        self._transport = transport  # type: ignore[assignment]
        self._connections.add(self)
        self._task = asyncio.get_running_loop().create_task(self._serve(), name="http connection")

    def data_received(self, data: bytes) -> None:
        if self._raw is not None:
            self._feed_raw(data)
            return
        if self._malformed is not None:
            return
        try:
            self._parser.feed(data)
        except EngineError as error:
            self._malformed = error
            self._is_refused = not self._parser.feed_eof()
            self._arrived.set()

    def eof_received(self) -> bool:
        """Keep the sending half open (True): `echo x | docker run -i` closes its own and still wants the output."""
        self._input_ended = True
        self._parser.feed_eof()
        self._arrived.set()
        if self._stream_task is not None:
            self._stream_task.cancel()  # as the original does: who waits for `logs -f` and closes, has gone
        return True

    def connection_lost(self, error: Exception | None) -> None:
        self._connections.discard(self)
        self._lost.set()
        self.eof_received()
        self._writable.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    # The server calls these.

    def close_when_idle(self) -> None:
        """End the connection now if no request is being answered, after the answer otherwise.

        Who has hijacked it is told nothing: the end of its input would be the end of a program's, which lives on.
        """
        if self._raw is not None:
            return
        self._input_ended = True
        self._arrived.set()

    async def wait_closed(self) -> None:
        if self._task is not None:
            await asyncio.wait([self._task])

    def abort(self) -> None:
        """Drop the connection with whatever is in it."""
        if self._task is not None:
            self._task.cancel()
        if self._transport is not None:
            self._transport.abort()

    # Reading.

    def _queue_request(self, request: Request) -> None:
        self._requests.append(request)
        self._arrived.set()
        if len(self._requests) >= QUEUE_HIGH_WATER:
            self._pause()

    def _pause(self) -> None:
        if self._transport is not None and not self._lost.is_set():
            self._transport.pause_reading()

    def _resume(self) -> None:
        if self._transport is not None and not self._lost.is_set():
            self._transport.resume_reading()

    def _feed_raw(self, data: bytes) -> None:
        assert self._raw is not None
        self._raw.append(data)
        self._raw_size += len(data)
        self._arrived.set()
        if self._raw_size >= RAW_HIGH_WATER:
            self._pause()

    async def _next_request(self) -> Request | None:
        while not self._requests:
            if self._malformed is not None or self._input_ended:
                return None
            self._arrived.clear()
            await self._arrived.wait()
        request = self._requests.popleft()
        self._resume()
        return request

    # Answering.

    async def _serve(self) -> None:
        try:
            while (request := await self._next_request()) is not None:
                if request.expects_continue:
                    self._send(b"HTTP/1.1 100 Continue\r\n\r\n")
                if not await self._answer(request, await self._handler(request)):
                    await self._linger(request)
                    break
            if self._malformed is not None and self._is_refused:
                self._send_whole(self._refuse(self._malformed), close=True)
        except ConnectionError:
            pass  # the client has gone; there is nobody to tell
        finally:
            if self._transport is not None:
                self._transport.close()

    async def _answer(self, request: Request, answer: Answer) -> bool:
        """Send `answer`; whether the connection can carry another request."""
        if isinstance(answer, Hijack):
            await self._hijack(request, answer)
            return False
        # A body that nobody read to its end would have to be skipped: closing is cheaper, and safe against floods.
        reusable = request.keeps_alive and not request.wants_upgrade and request.body.is_complete
        if isinstance(answer, StreamResponse):
            return await self._send_stream(request, answer) and reusable
        self._send_whole(answer, close=not reusable, with_body=request.method != "HEAD")
        await self._drain()
        return reusable

    async def _linger(self, request: Request) -> None:
        """Take what is still being sent: closing at once would break the sender's pipe before it reads the answer."""
        left = LINGER_BYTES
        with suppress(TimeoutError, EngineError):
            async with asyncio.timeout(LINGER_SECONDS):
                while left > 0 and not request.body.is_complete and (chunk := await request.body.read_chunk()):
                    left -= len(chunk)

    def _send_whole(self, answer: Response, *, close: bool, with_body: bool = True) -> None:
        headers = dict(answer.headers)
        if answer.status not in (204, 304):
            headers["Content-Length"] = str(len(answer.body))
        if close:
            headers["Connection"] = "close"
        self._send(head(answer.status, headers) + (answer.body if with_body else b""))

    async def _send_stream(self, request: Request, answer: StreamResponse) -> bool:
        self._send(head(answer.status, {**answer.headers, "Transfer-Encoding": "chunked"}))
        self._stream_task = asyncio.get_running_loop().create_task(self._send_chunks(answer), name="http stream")
        if self._input_ended:
            self._stream_task.cancel()
        await asyncio.wait([self._stream_task])
        task, self._stream_task = self._stream_task, None
        if task.cancelled() or task.exception() is not None:
            return False  # no last chunk: the client sees that the answer is cut off
        self._send(b"0\r\n\r\n")
        await self._drain()
        return True

    async def _send_chunks(self, answer: StreamResponse) -> None:
        async for chunk in answer.chunks:
            if chunk:
                self._send(b"%x\r\n%b\r\n" % (len(chunk), chunk))
                await self._drain()

    async def _hijack(self, request: Request, hijack: Hijack) -> None:
        self._raw = deque()
        if hijack.switch is not None:
            self._send(head(101, hijack.switch, "Switching Protocols"))
        elif request.wants_upgrade:
            headers = {"Content-Type": hijack.content_type, "Connection": "Upgrade", "Upgrade": "tcp"}
            self._send(head(101, headers))
        else:
            self._send(head(200, {"Content-Type": hijack.content_type}))
        if self._parser.leftover:
            self._feed_raw(self._parser.leftover)
        with suppress(ConnectionError):
            await hijack.serve(_RawConnection(self))

    # Writing.

    def _send(self, data: bytes) -> None:
        if self._lost.is_set() or self._transport is None:
            raise ConnectionResetError("the client has gone")
        self._transport.write(data)

    async def _drain(self) -> None:
        await self._writable.wait()
        if self._lost.is_set():
            raise ConnectionResetError("the client has gone")

    # The raw stream's side.

    async def raw_read(self) -> bytes:
        assert self._raw is not None
        while not self._raw:
            if self._input_ended:
                return b""
            self._arrived.clear()
            await self._arrived.wait()
        data = self._raw.popleft()
        self._raw_size -= len(data)
        if self._raw_size < RAW_HIGH_WATER:
            self._resume()
        return data

    async def raw_write(self, data: bytes) -> None:
        self._send(data)
        await self._drain()

    def raw_close_sending(self) -> None:
        if self._transport is not None and self._transport.can_write_eof() and not self._lost.is_set():
            self._transport.write_eof()

    async def wait_lost(self) -> None:
        await self._lost.wait()


class _RawConnection:
    """The RawStream over a hijacked connection."""

    def __init__(self, connection: HttpConnection) -> None:
        self._connection = connection

    async def read(self) -> bytes:
        return await self._connection.raw_read()

    async def write(self, data: bytes) -> None:
        await self._connection.raw_write(data)

    def close_sending(self) -> None:
        self._connection.raw_close_sending()

    async def wait_lost(self) -> None:
        await self._connection.wait_lost()
