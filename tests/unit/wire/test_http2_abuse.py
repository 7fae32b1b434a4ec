"""An HTTP/2 connection under abuse: whatever arrives, the protocol's own error or a bounded answer."""

import asyncio
import random
import struct

import pytest

from slipway.transport.aio.http2 import HALF_OPEN_LIMIT, UNREAD_ANSWERS_LIMIT, Http2Connection, Http2Stream
from slipway.wire.http2 import LONGEST_BLOCK, Http2
from slipway.wire.http2_frames import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    PING,
    PREFACE,
    RST_STREAM,
    SETTINGS,
    Http2Error,
    frame,
)

START = PREFACE + frame(SETTINGS, 0, 0)
FIELDS = b"\0\x05:path\x01/"  # a literal that enters no table


def server() -> Http2:
    wire = Http2(is_client=False, window=1 << 20, streams=100)
    wire.receive(START)
    wire.take_output()
    return wire


def test_random_frames_raise_nothing_but_the_protocol_s_error() -> None:
    chance = random.Random(28)
    for _ in range(300):
        wire = server()
        try:
            for _ in range(20):
                payload = chance.choice((chance.randbytes(chance.choice((0, 1, 4, 5, 6, 8, 12, 60))), FIELDS))
                wire.receive(frame(chance.randrange(12), chance.randrange(256), chance.randrange(6), payload))
        except Http2Error:
            pass


def test_streams_opened_and_reset_at_once_leave_nothing() -> None:
    """CVE-2023-44487, Rapid Reset."""
    wire = server()
    for number in range(1, 20_001, 2):
        wire.receive(frame(HEADERS, END_HEADERS, number, FIELDS) + frame(RST_STREAM, 0, number, struct.pack(">I", 8)))
    assert not wire._streams
    assert not wire.take_output()


def test_a_header_block_without_end_is_refused() -> None:
    """CVE-2024-27316 and its like, the CONTINUATION flood."""
    wire = server()
    wire.receive(frame(HEADERS, 0, 1, FIELDS))
    flood = frame(CONTINUATION, 0, 1, b"a" * 1000) * (LONGEST_BLOCK // 1000 + 1)
    with pytest.raises(Http2Error):
        wire.receive(flood)


@pytest.mark.parametrize(
    "block",
    [
        b"\x40\x01a\x7f\xbd\x1d" + b"b" * 3900 + b"\xbe" * 12_000,  # one long field in the table, named 12,000 times
        b"\x3f\xe1\xff\xff\xff\x0f",  # a table of 4 GiB
        b"\xff" * 100,  # an index beyond any
        b"\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\x0fa",  # a name longer than memory
    ],
    ids=("bomb", "table", "index", "length"),
)
def test_packed_fields_that_would_grow_are_refused(block: bytes) -> None:
    with pytest.raises(Http2Error):
        server().receive(frame(HEADERS, END_HEADERS, 1, block))


class _Unread(asyncio.Transport):
    """A socket whose other end never reads."""

    def __init__(self) -> None:
        super().__init__()
        self.held = 0
        self.is_closed = False

    def write(self, data: bytes) -> None:  # type: ignore[override]
        self.held += len(data)

    def close(self) -> None:
        self.is_closed = True


def test_pings_from_one_who_never_reads_end_the_connection() -> None:
    """CVE-2019-9512: the answers gathered without bound."""
    connection, transport = Http2Connection(is_client=False, on_stream=lambda _: None), _Unread()
    connection.connection_made(transport)
    connection.data_received(START)
    connection.pause_writing()
    pings = frame(PING, 0, 0, b"12345678") * 1000
    for _ in range(100):
        if not transport.is_closed:
            connection.data_received(pings)
    assert transport.is_closed
    assert transport.held < 2 * UNREAD_ANSWERS_LIMIT


def test_streams_that_are_never_ended_are_refused_beyond_a_bound() -> None:
    """100,000 of them cost 300 MB. Requests that have ended wait as many as they are."""
    taken: list[Http2Stream] = []
    connection, transport = Http2Connection(is_client=False, on_stream=taken.append), _Unread()
    connection.connection_made(transport)
    connection.data_received(START)
    for number in range(1, 8 * HALF_OPEN_LIMIT, 4):
        connection.data_received(frame(HEADERS, END_HEADERS, number, FIELDS))
        connection.data_received(frame(HEADERS, END_HEADERS | END_STREAM, number + 2, FIELDS))
    assert len([stream for stream in taken if not stream.has_ended]) == HALF_OPEN_LIMIT
    assert len([stream for stream in taken if stream.has_ended]) == 2 * HALF_OPEN_LIMIT
    half_open = [stream.number for stream in taken if not stream.has_ended]
    connection.data_received(frame(DATA, END_STREAM, half_open[0], b""))
    connection.data_received(frame(RST_STREAM, 0, half_open[1], struct.pack(">I", 8)))
    connection.forget(half_open[2])
    for number in range(8 * HALF_OPEN_LIMIT + 1, 8 * HALF_OPEN_LIMIT + 101, 2):
        connection.data_received(frame(HEADERS, END_HEADERS, number, FIELDS))
    assert len(taken) == 3 * HALF_OPEN_LIMIT + 3
    assert not transport.is_closed
