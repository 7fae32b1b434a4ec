"""HTTP/1.1 and the multiplexed stream, byte by byte and at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.base.errors import InternalError
from slipway.wire.http1 import BodyDecoder, encode_chunk, encode_request_head, parse_response_head
from slipway.wire.stdcopy import Demultiplexer, encode_frame_header


def test_a_request_head() -> None:
    head = encode_request_head("GET", "/v1.51/info?a=b", [("Host", "x"), ("Content-Length", "0")])
    assert head == b"GET /v1.51/info?a=b HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize(("target", "value"), [("/a\r\nX: y", "b"), ("/a", "b\nX: y")])
def test_no_header_can_be_smuggled_in(target: str, value: str) -> None:
    with pytest.raises(InternalError):
        encode_request_head("GET", target, [("A", value)])


def test_a_response_head() -> None:
    head = parse_response_head(b"HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nX:  y ")
    assert (head.status, head.reason, head.headers) == (
        404,
        "Not Found",
        {"content-type": "application/json", "x": "y"},
    )


@pytest.mark.parametrize("data", [b"", b"SSH-2.0", b"HTTP/1.1 20 x", b"HTTP/1.1 2000", b"HTTP/1.1 200 OK\r\nno colon"])
def test_malformed_heads(data: bytes) -> None:
    with pytest.raises(InternalError, match="malformed HTTP"):
        parse_response_head(data)


def decoder(*headers: str) -> BodyDecoder:
    return BodyDecoder(parse_response_head("\r\n".join(("HTTP/1.1 200 OK", *headers)).encode()), has_body=True)


def decode(body: BodyDecoder, pieces: list[bytes]) -> bytes:
    return b"".join(body.feed(piece) for piece in pieces)


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=8), st.integers(min_value=1, max_value=40))
def test_chunks_however_they_arrive(chunks: list[bytes], step: int) -> None:
    wire = b"".join(map(encode_chunk, chunks)) + encode_chunk(b"")
    body = decoder("Transfer-Encoding: chunked")
    assert decode(body, [wire[start : start + step] for start in range(0, len(wire), step)]) == b"".join(chunks)
    assert body.is_complete


def test_a_known_length_ends_the_body() -> None:
    body = decoder("Content-Length: 3")
    assert (body.feed(b"ab"), body.is_complete, body.feed(b"cd"), body.is_complete) == (b"ab", False, b"c", True)


def test_a_body_cut_short_is_an_error() -> None:
    for headers in (("Content-Length: 3",), ("Transfer-Encoding: chunked",)):
        body = decoder(*headers)
        with pytest.raises(InternalError, match="unexpected EOF"):
            body.close()


def test_a_body_without_length_ends_with_the_connection() -> None:
    body = decoder()
    assert body.feed(b"x") == b"x"
    body.close()
    assert body.is_complete


@pytest.mark.parametrize("wire", [b"x\r\n", b"-1\r\n", b"1_0\r\n", b"\r\n", b"f" * 17 + b"\r\n", b"1" * 5000])
def test_malformed_chunks(wire: bytes) -> None:
    with pytest.raises(InternalError, match="malformed chunked encoding"):
        decoder("Transfer-Encoding: chunked").feed(wire)


@given(st.lists(st.tuples(st.integers(1, 2), st.binary(max_size=20)), max_size=10), st.integers(1, 30))
def test_frames_however_they_arrive(frames: list[tuple[int, bytes]], step: int) -> None:
    wire = b"".join(encode_frame_header(stream, len(data)) + data for stream, data in frames)
    streams = {1: b"", 2: b""}
    demultiplexer = Demultiplexer()
    for start in range(0, len(wire), step):
        for stream, piece in demultiplexer.feed(wire[start : start + step]):
            streams[stream] += piece
    assert streams == {number: b"".join(data for stream, data in frames if stream == number) for number in (1, 2)}


def test_the_daemons_own_message_comes_whole() -> None:
    demultiplexer = Demultiplexer()
    wire = encode_frame_header(3, 4) + b"oops"
    found = [item for start in range(len(wire)) for item in demultiplexer.feed(wire[start : start + 1])]
    assert found == [(3, b"oops")]


def test_an_unknown_stream_is_refused() -> None:
    with pytest.raises(InternalError, match="Unrecognized input header: 104"):
        list(Demultiplexer().feed(b"hello world"))
