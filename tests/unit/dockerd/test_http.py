"""The HTTP server over a real socket pair of a real loop: order, limits, upgrades, half-closed connections."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from slipway.base.errors import EngineError
from slipway.transport.aio.http_messages import Answer, Hijack, RawStream, Request, Response, StreamResponse
from slipway.transport.aio.http_server import HttpServer

Client = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def handle(request: Request) -> Answer:
    """As the router: an error is an answer."""
    try:
        return await echo(request)
    except EngineError as error:
        return refuse(error)


async def echo(request: Request) -> Answer:
    """Answers by the path: the body, a stream, or a raw connection."""
    if request.target == b"/stream":

        async def chunks() -> AsyncIterator[bytes]:
            yield b"one"
            yield b"two"

        return StreamResponse(chunks=chunks())
    if request.target == b"/raw":
        body = await request.body.read_all(1000)

        async def serve(stream: RawStream) -> None:
            await stream.write(b"<" + body + b">")
            while data := await stream.read():
                await stream.write(data.upper())
            await stream.write(b"END")

        return Hijack(serve=serve)
    if request.target == b"/unread":
        return Response(body=b"no")
    return Response(body=request.method.encode() + b" " + await request.body.read_all(10_000_000))


def refuse(error: EngineError) -> Response:
    return Response(status=400, body=error.message.encode())


def talk(tmp_path: Path, conversation: Callable[[Client], Awaitable[None]]) -> None:
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
                await conversation(client)
        finally:
            client[1].close()
            await server.close(timeout=1)

    asyncio.run(run())


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    status = int(head.split()[1])
    length = next(int(line[15:]) for line in head.split("\r\n") if line.startswith("Content-Length:"))
    return status, await reader.readexactly(length)


def test_pipelined_requests_are_answered_in_order(tmp_path: Path) -> None:
    async def conversation(client: Client) -> None:
        reader, writer = client
        writer.write(b"POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET /b HTTP/1.1\r\n\r\n")
        assert await answer(reader) == (200, b"POST abc")
        assert await answer(reader) == (200, b"GET ")

    talk(tmp_path, conversation)


def test_a_chunked_body_larger_than_the_buffer_arrives_whole(tmp_path: Path) -> None:
    async def conversation(client: Client) -> None:
        reader, writer = client
        writer.write(b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n")
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        for _ in range(50):
            writer.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
            await writer.drain()
        writer.write(b"0\r\n\r\n")
        status, body = await answer(reader)
        assert (status, len(body)) == (200, 5 + 50 * 0x10000)

    talk(tmp_path, conversation)


def test_a_stream_is_chunked_and_ended(tmp_path: Path) -> None:
    async def conversation(client: Client) -> None:
        reader, writer = client
        writer.write(b"GET /stream HTTP/1.1\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        assert await reader.readuntil(b"0\r\n\r\n") == b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"

    talk(tmp_path, conversation)


@pytest.mark.parametrize("cut", [0, 3, 5])
def test_an_upgrades_body_is_not_its_stream(tmp_path: Path, cut: int) -> None:
    """The body of an upgrade request may come in pieces, and with the stream's first bytes behind it."""

    async def conversation(client: Client) -> None:
        reader, writer = client
        head = b"POST /raw HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 5\r\n\r\n"
        rest = b"{}   raw"
        writer.write(head + rest[:cut])
        await writer.drain()
        writer.write(rest[cut:])
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 UPGRADED\r\n")
        assert await reader.readuntil(b"RAW") == b"<{}   >RAW"
        writer.write_eof()
        assert await reader.read() == b"END"

    talk(tmp_path, conversation)


def test_a_client_without_upgrade_gets_200_and_the_stream(tmp_path: Path) -> None:
    async def conversation(client: Client) -> None:
        reader, writer = client
        writer.write(b"POST /raw HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 OK\r\n")
        writer.write(b"x")
        assert await reader.readuntil(b"X") == b"<>X"

    talk(tmp_path, conversation)


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\n\r\n",
        b"BREW /pot HTTP/1.1\r\n\r\n",
        b"GET /" + b"a" * 70000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nA: " + b"b" * 70000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /raw HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
def test_what_is_not_http_is_refused_and_closed(tmp_path: Path, garbage: bytes) -> None:
    async def conversation(client: Client) -> None:
        reader, writer = client
        writer.write(garbage)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
        await reader.read()

    talk(tmp_path, conversation)


def test_a_body_nobody_read_closes_the_connection(tmp_path: Path) -> None:
    async def conversation(client: Client) -> None:
        reader, writer = client
        writer.write(b"POST /unread HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n")
        assert b"Connection: close" in await reader.readuntil(b"\r\n\r\n")
        assert await reader.read() == b"no"

    talk(tmp_path, conversation)


def test_a_client_that_half_closes_still_gets_its_answer(tmp_path: Path) -> None:
    async def conversation(client: Client) -> None:
        reader, writer = client
        writer.write(b"POST /a HTTP/1.1\r\nContent-Length: 1\r\n\r\nx")
        writer.write_eof()
        assert await answer(reader) == (200, b"POST x")
        assert await reader.read() == b""

    talk(tmp_path, conversation)


def test_a_server_that_closes_ends_nobodys_input(tmp_path: Path) -> None:
    """What reads from a hijacked connection would close a program's stdin, and the program outlives the daemon."""
    reached = asyncio.Event()
    ends: list[bytes] = []

    async def serve(stream: RawStream) -> None:
        reached.set()
        ends.append(await stream.read())

    async def hijack(request: Request) -> Answer:
        return Hijack(serve=serve)

    async def run() -> None:
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(str(tmp_path / "s"))
        listening.listen()
        listening.setblocking(False)
        server = HttpServer(hijack, refuse)
        await server.listen(listening)
        _, writer = await asyncio.open_unix_connection(str(tmp_path / "s"))
        writer.write(b"POST /raw HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
        await reached.wait()
        await server.close(timeout=0.01)
        writer.close()
        await asyncio.sleep(0)

    asyncio.run(run())
    assert ends == []
