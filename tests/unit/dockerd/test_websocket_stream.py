"""WebSocket over the HTTP server, on a real socket: the upgrade, pings, half-closed connections, limits, the close."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from slipway.base.errors import EngineError
from slipway.transport.aio.http_messages import Answer, Hijack, RawStream, Request, Response
from slipway.transport.aio.http_server import HttpServer
from slipway.transport.aio.websocket import HIGH_WATER, Serve, WebSocketStream, serve_websocket
from slipway.wire.websocket import accepted_key, handshake

Client = tuple[asyncio.StreamReader, asyncio.StreamWriter]
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ASK = (
    f"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
    f"Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n"
).encode()
CLOSE_SECONDS = 5.0
BINARY, TEXT, CLOSE, PING, PONG = 2, 1, 8, 9, 10


def talk(
    tmp_path: Path,
    serve: Serve,
    conversation: Callable[[Client], Awaitable[None]],
    *,
    takes_input: bool = True,
    text: bool = False,
    close_seconds: float = CLOSE_SECONDS,
    first: bytes = b"",
) -> None:
    """A server that has `serve` for every client, and one client, after the handshake; `first` comes along with it."""

    async def over(raw: RawStream) -> None:
        await serve_websocket(raw, serve, takes_input=takes_input, text=text, close_seconds=close_seconds)

    async def handle(request: Request) -> Answer:
        return Hijack(serve=over, switch=handshake(request.headers))

    def refuse(error: EngineError) -> Response:
        return Response(status=400, body=error.message.encode())

    async def run() -> None:
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(str(tmp_path / "s"))
        listening.listen()
        listening.setblocking(False)
        server = HttpServer(handle, refuse)
        await server.listen(listening)
        client = await asyncio.open_unix_connection(str(tmp_path / "s"))
        try:
            async with asyncio.timeout(10):
                client[1].write(ASK + first)
                head = (await client[0].readuntil(b"\r\n\r\n")).decode()
                assert head.startswith("HTTP/1.1 101 Switching Protocols\r\n")
                assert f"\r\nSec-WebSocket-Accept: {accepted_key(KEY)}\r\n" in head
                assert "Content-Type" not in head
                await conversation(client)
        finally:
            client[1].close()
            await server.close(timeout=1)

    asyncio.run(run())


def masked(opcode: int, payload: bytes = b"", *, final: bool = True) -> bytes:
    """A frame of a client with the mask 0: the payload is itself."""
    size = len(payload)
    length = bytes((0x80 | size,)) if size < 126 else bytes((0x80 | 127,)) + size.to_bytes(8, "big")
    return bytes((0x80 * final | opcode,)) + length + bytes(4) + payload


async def frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    first, size = await reader.readexactly(2)
    assert first & 0xF0 == 0x80, "final, and no reserved bits"
    if size == 126:
        size = int.from_bytes(await reader.readexactly(2), "big")
    elif size == 127:
        size = int.from_bytes(await reader.readexactly(8), "big")
    return first & 0x0F, await reader.readexactly(size)


async def echo(stream: WebSocketStream) -> None:
    while data := await stream.read():
        await stream.write(data.upper())


async def until_lost(stream: WebSocketStream) -> None:
    await stream.wait_lost()


def test_what_comes_with_the_handshake_counts(tmp_path: Path) -> None:
    async def conversation(client: Client) -> None:
        assert await frame(client[0]) == (BINARY, b"EARLY")

    talk(tmp_path, echo, conversation, first=masked(TEXT, b"early"))


def test_fragments_are_a_stream_and_pings_are_answered_between_them(tmp_path: Path) -> None:
    async def conversation(client: Client) -> None:
        reader, writer = client
        writer.write(masked(BINARY, b"ab", final=False))
        assert await frame(reader) == (BINARY, b"AB")
        writer.write(masked(PING, b"there?"))
        assert await frame(reader) == (PONG, b"there?")
        writer.write(masked(0, b"c") + masked(PONG, b"unasked"))
        assert await frame(reader) == (BINARY, b"C")

    talk(tmp_path, echo, conversation)


@pytest.mark.parametrize("takes_input", [True, False])
def test_pings_are_answered_while_nobody_reads(tmp_path: Path, takes_input: bool) -> None:
    async def conversation(client: Client) -> None:
        reader, writer = client
        writer.write(masked(BINARY, b"unread") + masked(PING, b"1"))
        assert await frame(reader) == (PONG, b"1")
        writer.write(masked(CLOSE))
        writer.write_eof()
        assert await frame(reader) == (CLOSE, b"")

    talk(tmp_path, until_lost, conversation, takes_input=takes_input)


@pytest.mark.parametrize(("payload", "answer"), [(b"", b""), (b"\x0f\xa0bye", b"\x0f\xa0"), (b"\x03\xe8", b"\x03\xe8")])
def test_a_clients_close_is_the_end_of_its_half_and_answered_at_the_end(
    tmp_path: Path, payload: bytes, answer: bytes
) -> None:
    """As after the end of a pipe, the output goes on: `echo x | cat` over a WebSocket has it all."""

    async def serve(stream: WebSocketStream) -> None:
        said = b""
        while data := await stream.read():
            said += data
        await stream.write(b"all of " + said)

    async def conversation(client: Client) -> None:
        reader, writer = client
        writer.write(masked(BINARY, b"it") + masked(CLOSE, payload) + masked(BINARY, b"late"))
        assert await frame(reader) == (BINARY, b"all of it")
        assert await frame(reader) == (CLOSE, answer)
        assert await reader.read() == b""

    talk(tmp_path, serve, conversation)


def test_an_end_without_close_frame_is_one_too(tmp_path: Path) -> None:
    async def conversation(client: Client) -> None:
        reader, writer = client
        writer.write(masked(BINARY, b"x"))
        writer.write_eof()
        assert await frame(reader) == (BINARY, b"X")
        assert await frame(reader) == (CLOSE, b"\x03\xe8")
        assert await reader.read() == b""

    talk(tmp_path, echo, conversation)


def test_where_nobody_takes_input_a_close_frame_is_the_clients_going(tmp_path: Path) -> None:
    async def conversation(client: Client) -> None:
        reader, writer = client
        writer.write(masked(BINARY, b"x" * 100_000) + masked(CLOSE))
        assert await frame(reader) == (CLOSE, b"")
        assert await reader.read() == b""

    talk(tmp_path, until_lost, conversation, takes_input=False)


def test_the_server_closes_first_and_waits_for_the_answer(tmp_path: Path) -> None:
    async def serve(stream: WebSocketStream) -> None:
        await stream.write(b"last words")

    async def conversation(client: Client) -> None:
        reader, writer = client
        assert await frame(reader) == (BINARY, b"last words")
        assert await frame(reader) == (CLOSE, b"\x03\xe8")
        writer.write(masked(BINARY, b"crossing" * 100_000))
        await writer.drain()
        writer.write(masked(CLOSE, b"\x03\xe8"))
        assert await reader.read() == b""

    talk(tmp_path, serve, conversation)


def test_a_client_that_does_not_answer_is_left(tmp_path: Path) -> None:
    async def serve(stream: WebSocketStream) -> None:
        await stream.write(b"x")

    async def conversation(client: Client) -> None:
        assert await frame(client[0]) == (BINARY, b"x")
        assert await frame(client[0]) == (CLOSE, b"\x03\xe8")
        assert await client[0].read() == b""

    talk(tmp_path, serve, conversation, close_seconds=0.01)


@pytest.mark.parametrize(
    "mistake",
    [b"\x82\x01x", b"\x83\x80\0\0\0\0", b"\xc2\x80\0\0\0\0", masked(0, b"x"), b"\x89\xfe\0\x7e\0\0\0\0" + b"p" * 126],
    ids=["not masked", "reserved kind", "reserved bit", "continued from nothing", "long ping"],
)
@pytest.mark.parametrize("serve", [echo, until_lost])
def test_what_is_malformed_is_answered_by_1002(tmp_path: Path, mistake: bytes, serve: Serve) -> None:
    async def conversation(client: Client) -> None:
        reader, writer = client
        writer.write(mistake + b"x" * 1000)
        opcode, payload = await frame(reader)
        assert (opcode, payload[:2]) == (CLOSE, b"\x03\xea")
        assert payload[2:], "and a reason"
        assert await reader.read() == b""

    talk(tmp_path, serve, conversation)


def test_a_client_is_not_read_on_while_nobody_takes_what_it_says(tmp_path: Path) -> None:
    """Twice: what the stream holds, and what the connection holds before it."""
    size, released = 100 * HIGH_WATER, asyncio.Event()
    taken: list[int] = []

    async def serve(stream: WebSocketStream) -> None:
        await released.wait()
        while data := await stream.read():
            taken.append(len(data))
        await stream.write(b"%d" % sum(taken))

    async def conversation(client: Client) -> None:
        reader, writer = client
        writer.transport.set_write_buffer_limits(0)
        writer.write(masked(BINARY, b"x" * size))
        sending = asyncio.ensure_future(writer.drain())
        assert await asyncio.wait([sending], timeout=0.2) == (set(), {sending})
        released.set()
        await sending
        writer.write(masked(CLOSE))
        assert await frame(reader) == (BINARY, b"%d" % size)

    talk(tmp_path, serve, conversation)


def test_text_is_whole_characters(tmp_path: Path) -> None:
    async def serve(stream: WebSocketStream) -> None:
        for piece in (b"a\xc3", b"\xbc", b"\xe2\x82", b"\xac\xff", b""):
            await stream.write(piece)

    async def conversation(client: Client) -> None:
        reader = client[0]
        assert await frame(reader) == (TEXT, b"a")
        assert await frame(reader) == (TEXT, "ü".encode())
        assert await frame(reader) == (TEXT, "€\ufffd".encode())
        assert (await frame(reader))[0] == CLOSE

    talk(tmp_path, serve, conversation, text=True)


def test_a_large_message_goes_out_in_one_frame(tmp_path: Path) -> None:
    async def serve(stream: WebSocketStream) -> None:
        await stream.write(b"o" * 70_000)

    async def conversation(client: Client) -> None:
        assert await frame(client[0]) == (BINARY, b"o" * 70_000)

    talk(tmp_path, serve, conversation)


@pytest.mark.parametrize("takes_input", [True, False])
def test_a_client_that_goes_is_lost(tmp_path: Path, takes_input: bool) -> None:
    """Where its input counts, the end of the connection alone is the end of one half, as of other hijacked ones."""
    seen = asyncio.Event()

    async def serve(stream: WebSocketStream) -> None:
        await stream.wait_lost()
        with pytest.raises(ConnectionError):
            await stream.write(b"x")
        seen.set()

    async def conversation(client: Client) -> None:
        if takes_input:
            client[1].write(masked(CLOSE))
        client[1].close()
        await seen.wait()

    talk(tmp_path, serve, conversation, takes_input=takes_input)


def test_a_failure_of_ours_is_told_as_ours(tmp_path: Path) -> None:
    async def serve(stream: WebSocketStream) -> None:
        raise ConnectionResetError("of something else")

    async def conversation(client: Client) -> None:
        assert await frame(client[0]) == (CLOSE, b"\x03\xf3")

    talk(tmp_path, serve, conversation, close_seconds=0.01)
