"""HTTP/2 without I/O: our two sides against each other, and against h2, another's implementation."""

import h2.config
import h2.connection
import h2.events
import pytest

from slipway.wire import http2_frames as wire
from slipway.wire.header_fields import FieldDecoder, encode_fields
from slipway.wire.http2 import DataReceived, Event, FieldsReceived, GoneAway, Http2, RoomGranted, StreamReset
from slipway.wire.http2_frames import Http2Error, frame

WINDOW = 100_000
REQUEST = ((":method", "POST"), (":scheme", "http"), (":path", "/a.B/C"), ("content-type", "application/grpc"))


def client() -> Http2:
    return Http2(is_client=True, window=WINDOW, streams=100)


def server(streams: int = 100) -> Http2:
    return Http2(is_client=False, window=WINDOW, streams=streams)


def pass_on(sender: Http2, receiver: Http2, *, at_once: int = 1 << 20) -> list[Event]:
    """The events at `receiver`, which gets what `sender` has to say in pieces of `at_once` bytes."""
    data = sender.take_output()
    return [event for at in range(0, len(data), at_once) for event in receiver.receive(data[at : at + at_once])]


def greet(one: Http2, other: Http2) -> None:
    for _ in range(2):
        pass_on(one, other)
        pass_on(other, one)


@pytest.fixture
def pair() -> tuple[Http2, Http2]:
    ours, theirs = client(), server()
    greet(ours, theirs)
    return ours, theirs


@pytest.mark.parametrize("at_once", [1, 7, 1 << 20])
def test_a_call_arrives_however_it_is_cut(at_once: int) -> None:
    ours, theirs = client(), server()
    number = ours.open(encode_fields(REQUEST))
    ours.send_data(number, b"hello", end=True)
    fields, data = (e for e in pass_on(ours, theirs, at_once=at_once) if not isinstance(e, RoomGranted))
    assert isinstance(fields, FieldsReceived)
    assert fields.fields == dict(REQUEST)
    assert fields.is_new
    assert isinstance(data, DataReceived)
    assert (data.data, data.end) == (b"hello", True)
    theirs.send_fields(number, encode_fields([("grpc-status", "0")]), end=True)
    (trailers,) = (e for e in pass_on(theirs, ours) if isinstance(e, FieldsReceived))
    assert trailers.end


def test_data_stops_at_the_window_and_goes_on_when_it_is_consumed(pair: tuple[Http2, Http2]) -> None:
    ours, theirs = pair
    number = ours.open(encode_fields(REQUEST))
    data = bytes(range(256)) * 1000
    sent = ours.send_data(number, data)
    assert sent == WINDOW
    arrived = b""
    while len(arrived) < len(data):
        for event in pass_on(ours, theirs):
            if isinstance(event, DataReceived):
                arrived += event.data
                theirs.consumed(number, event.size)
        pass_on(theirs, ours)
        sent += ours.send_data(number, data[sent:], end=True)
    assert arrived == data


def test_more_than_the_window_is_refused(pair: tuple[Http2, Http2]) -> None:
    ours, theirs = pair
    number = ours.open(encode_fields(REQUEST))
    pass_on(ours, theirs)
    full = frame(wire.DATA, 0, number, bytes(wire.DEFAULT_FRAME_SIZE))
    with pytest.raises(Http2Error, match="window") as refusal:
        theirs.receive(full * (WINDOW // wire.DEFAULT_FRAME_SIZE + 1))
    assert refusal.value.code == wire.FLOW_CONTROL_ERROR
    (gone,) = (e for e in pass_on(theirs, ours) if isinstance(e, GoneAway))
    assert gone.code == wire.FLOW_CONTROL_ERROR


def test_a_long_header_block_comes_in_continuations(pair: tuple[Http2, Http2]) -> None:
    ours, theirs = pair
    ours.open(encode_fields([*REQUEST, ("long", "x" * 40_000)]))
    (fields,) = (e for e in pass_on(ours, theirs) if isinstance(e, FieldsReceived))
    assert fields.fields["long"] == "x" * 40_000


def test_frames_of_a_stream_that_was_given_up_are_passed_over(pair: tuple[Http2, Http2]) -> None:
    ours, theirs = pair
    number = ours.open(encode_fields(REQUEST))
    pass_on(ours, theirs)
    theirs.send_data(number, b"late")
    ours.reset(number, wire.CANCEL)
    assert not [e for e in pass_on(theirs, ours) if isinstance(e, DataReceived)]
    assert [e.code for e in pass_on(ours, theirs) if isinstance(e, StreamReset)] == [wire.CANCEL]


def test_a_stream_too_many_is_refused_alone() -> None:
    ours, theirs = client(), server(streams=1)
    first, second = ours.open(encode_fields(REQUEST)), ours.open(encode_fields(REQUEST))
    assert [e.stream for e in pass_on(ours, theirs) if isinstance(e, FieldsReceived)] == [first]
    resets = [(e.stream, e.code) for e in pass_on(theirs, ours) if isinstance(e, StreamReset)]
    assert resets == [(second, wire.REFUSED_STREAM)]


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        wire.PREFACE + b"\xff" * 64,
        wire.PREFACE + frame(wire.DATA, 0, 1, b"of no stream"),
        wire.PREFACE + frame(wire.HEADERS, wire.END_HEADERS, 2, encode_fields(REQUEST)),
        wire.PREFACE + frame(wire.HEADERS, wire.END_HEADERS, 1, b"\xff\xff\xff"),
        wire.PREFACE + frame(wire.HEADERS, 0, 1, b"") + frame(wire.DATA, 0, 1, b"inside a block"),
        wire.PREFACE + frame(wire.CONTINUATION, wire.END_HEADERS, 1, b""),
        wire.PREFACE + frame(wire.PUSH_PROMISE, wire.END_HEADERS, 1, b"\0\0\0\2"),
        wire.PREFACE + frame(wire.WINDOW_UPDATE, 0, 0, b"\0\0\0\0"),
        wire.PREFACE + frame(wire.WINDOW_UPDATE, 0, 0, b"\0\0"),
        wire.PREFACE + frame(wire.GOAWAY, 0, 0, b"\0"),
        wire.PREFACE + frame(wire.SETTINGS, 0, 0, b"\0\4\xff\xff\xff\xff"),
        wire.PREFACE + frame(wire.HEADERS, wire.END_HEADERS | wire.PADDED, 1, b"\xff"),
    ],
)
def test_garbage_is_an_error_of_the_other_side(garbage: bytes) -> None:
    theirs = server()
    with pytest.raises(Http2Error):
        theirs.receive(garbage)


def test_h2_understands_us_and_we_understand_h2() -> None:
    """With its compression tables, Huffman codes and several calls on one connection."""
    theirs = server()
    peer = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
    peer.initiate_connection()
    for call in range(20):
        number = peer.get_next_available_stream_id()
        peer.send_headers(number, [*REQUEST[:3], (":authority", "x"), ("call", str(call % 3))])
        peer.send_data(number, b"ask", end_stream=True)
        events = theirs.receive(peer.data_to_send())
        fields = next(e.fields for e in events if isinstance(e, FieldsReceived))
        assert fields["call"] == str(call % 3)
        theirs.send_fields(number, encode_fields([(":status", "200")]))
        theirs.send_data(number, b"answer")
        theirs.send_fields(number, encode_fields([("grpc-status", "0")]), end=True)
        heard = peer.receive_data(theirs.take_output())
        assert [e.data for e in heard if isinstance(e, h2.events.DataReceived)] == [b"answer"]
        (trailers,) = (e for e in heard if isinstance(e, h2.events.TrailersReceived))
        assert dict(trailers.headers) == {"grpc-status": "0"}


def test_equal_blocks_mean_what_the_table_says_now() -> None:
    """A block that names an entry of the table by number means something else after the table has grown."""
    decoder = FieldDecoder()
    add_a, add_b, newest = b"\x40\x01a\x011", b"\x40\x01b\x012", b"\xbe"
    assert decoder.decode(add_a) == {"a": "1"}
    assert [decoder.decode(newest) for _ in range(2)] == [{"a": "1"}] * 2
    assert decoder.decode(add_b) == {"b": "2"}
    assert decoder.decode(newest) == {"b": "2"}
    assert decoder.decode(add_b) == {"b": "2"}
    assert decoder.decode(b"\xbf") == {"b": "2"}


@pytest.mark.parametrize("size", [0, 126, 127, 128, 300, 20_000])
def test_strings_of_every_length(size: int) -> None:
    assert FieldDecoder().decode(encode_fields([("name", "v" * size)])) == {"name": "v" * size}
