"""WebSocket's frames and handshake, as RFC 6455 has them: its own examples, every way to cut them, every mistake."""

from collections.abc import Sequence

import pytest

from slipway.wire.websocket import (
    Broken,
    Closed,
    Data,
    Event,
    HandshakeError,
    Ping,
    Pong,
    WebSocket,
    accepted_key,
    close_frame,
    data_frame,
    handshake,
    pong_frame,
)

MASK = bytes.fromhex("37fa213d")
MASKED_HELLO = bytes.fromhex("818537fa213d7f9f4d5158")  # RFC 6455 §5.7
ASKED = {
    "upgrade": "websocket",
    "connection": "Upgrade",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    "sec-websocket-version": "13",
}


def frame(opcode: int, payload: bytes = b"", *, final: bool = True, mask: bytes = MASK) -> bytes:
    """As a client sends it; `mask` is turned byte by byte, as the RFC describes it."""
    size = len(payload)
    head = bytes((0x80 * final | opcode,))
    if size < 126:
        head += bytes((0x80 | size,))
    elif size < 65536:
        head += bytes((0x80 | 126,)) + size.to_bytes(2, "big")
    else:
        head += bytes((0x80 | 127,)) + size.to_bytes(8, "big")
    return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


def joined(events: Sequence[Event]) -> list[Event]:
    """Pieces of one message as one, so that it does not matter how its bytes came."""
    found: list[Event] = []
    for event in events:
        last = found[-1] if found else None
        if isinstance(event, Data) and isinstance(last, Data) and not last.ends:
            found[-1] = Data(last.payload + event.payload, event.ends)
        else:
            found.append(event)
    return found


def feed_all(stream: bytes, size: int) -> list[Event]:
    socket, events = WebSocket(), list[Event]()
    for at in range(0, len(stream), size):
        events += socket.feed(stream[at : at + size])
    return events


# The handshake.


def test_the_example_of_the_rfc_is_accepted() -> None:
    assert handshake(ASKED) == {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
    }
    assert accepted_key("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def test_a_browser_names_several_options_and_protocols() -> None:
    headers = {"upgrade": "WebSocket", "connection": "keep-alive, Upgrade", "sec-websocket-protocol": "tty, chat"}
    assert handshake({**ASKED, **headers})["Sec-WebSocket-Protocol"] == "tty"


@pytest.mark.parametrize(
    ("change", "answer_headers"),
    [
        ({"upgrade": "tcp"}, {}),
        ({"upgrade": ""}, {}),
        ({"connection": "keep-alive"}, {}),
        ({"sec-websocket-key": ""}, {}),
        ({"sec-websocket-version": "8"}, {"Sec-WebSocket-Version": "13"}),
        ({"sec-websocket-version": ""}, {"Sec-WebSocket-Version": "13"}),
    ],
)
def test_what_is_no_handshake_is_refused(change: dict[str, str], answer_headers: dict[str, str]) -> None:
    with pytest.raises(HandshakeError) as refused:
        handshake({**ASKED, **change})
    assert refused.value.headers == answer_headers


# What the client sends.


def test_the_masked_example_of_the_rfc_is_read() -> None:
    assert WebSocket().feed(MASKED_HELLO) == [Data(b"Hello", True)]
    assert frame(1, b"Hello") == MASKED_HELLO


@pytest.mark.parametrize(
    ("size", "piece"),
    [*((size, 1) for size in (0, 1, 125, 126, 127)), *((size, 4097) for size in (126, 65535, 65536)), (65536, 1 << 20)],
)
def test_a_message_of_any_length_arrives_whole_in_any_pieces(size: int, piece: int) -> None:
    payload = bytes(range(256)) * (size // 256 + 1)
    assert joined(feed_all(frame(2, payload[:size]), piece)) == [Data(payload[:size], True)]


def test_a_payload_is_handed_on_before_its_frame_is_whole() -> None:
    """Otherwise a client could have the daemon hold what it likes."""
    socket, payload = WebSocket(), b"x" * 100_000
    stream = frame(2, payload)
    assert socket.feed(stream[:50_014]) == [Data(payload[:50_000], False)]
    assert socket.feed(stream[50_014:]) == [Data(payload[50_000:], True)]


def test_nothing_is_held_of_a_frame_that_claims_the_largest_length() -> None:
    socket = WebSocket()
    head = bytes((0x82, 0xFF)) + ((1 << 63) - 1).to_bytes(8, "big") + MASK
    assert socket.feed(head) == []
    for _ in range(5):
        (piece,) = socket.feed(b"y" * 1000)
        assert isinstance(piece, Data)
        assert (len(piece.payload), piece.ends) == (1000, False)


@pytest.mark.parametrize("piece", [1, 3, 1000])
def test_fragments_are_one_message_and_control_frames_may_stand_between(piece: int) -> None:
    stream = frame(1, b"Hel", final=False) + frame(9, b"are you there") + frame(0, b"", final=False) + frame(10)
    events = feed_all(stream + frame(0, b"lo") + frame(2, b"next"), piece)
    assert b"".join(event.payload for event in events if isinstance(event, Data)) == b"Hellonext"
    assert [event for event in events if not isinstance(event, Data)] == [Ping(b"are you there"), Pong(b"")]
    assert sum(isinstance(event, Data) and event.ends for event in events) == 2


@pytest.mark.parametrize("piece", [1, 1000])
@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"", Closed(1005, "")),
        (b"\x03\xe8", Closed(1000, "")),
        (b"\x03\xe9" + "tschüß".encode(), Closed(1001, "tschüß")),
        (b"\x0f\xa0" + b"r" * 123, Closed(4000, "r" * 123)),
    ],
)
def test_a_close_frame_is_the_last_that_counts(payload: bytes, expected: Closed, piece: int) -> None:
    assert feed_all(frame(2, b"a") + frame(8, payload) + frame(2, b"late") + b"\xff\xff", piece) == [
        Data(b"a", True),
        expected,
    ]


MISTAKES = {
    "not masked": bytes.fromhex("810548656c6c6f"),
    "reserved bit": bytes((0xC1,)) + frame(1, b"a")[1:],
    "reserved kind of data": frame(3, b"a"),
    "reserved kind of control": frame(11),
    "continued from nothing": frame(0, b"a"),
    "a message within another": frame(1, b"a", final=False) + frame(1, b"b"),
    "fragmented control": frame(9, b"a", final=False),
    "long control": bytes((0x89, 0x80 | 126, 0, 126)) + MASK + b"a" * 126,
    "long form of a short length": bytes((0x82, 0x80 | 126, 0, 125)) + MASK + b"a" * 125,
    "longest form of a medium length": bytes((0x82, 0xFF)) + (65535).to_bytes(8, "big") + MASK,
    "highest bit of a length": bytes((0x82, 0xFF)) + (1 << 63).to_bytes(8, "big") + MASK,
    "half a code": frame(8, b"\x03"),
    **{
        f"code {code}": frame(8, code.to_bytes(2, "big"))
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535)
    },
}


@pytest.mark.parametrize("piece", [1, 1000])
@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES.keys())
def test_what_is_malformed_breaks_the_connection_with_1002(mistake: bytes, piece: int) -> None:
    events = feed_all(frame(2, b"before") + mistake + frame(2, b"after"), piece)
    assert isinstance(events[-1], Broken)
    assert events[-1].code == 1002
    assert events[-1].reason
    assert joined(events[:-1])[0] == Data(b"before", True), "what came before it still counts"
    assert b"after" not in b"".join(event.payload for event in events[:-1] if isinstance(event, Data))


def test_a_reason_that_is_no_text_breaks_the_connection_with_1007() -> None:
    (broken,) = WebSocket().feed(frame(8, b"\x03\xe8\xff"))
    assert isinstance(broken, Broken)
    assert broken.code == 1007


def test_a_mistake_is_seen_in_the_first_two_bytes() -> None:
    assert len(WebSocket().feed(bytes((0x81, 0x05)))) == 1


# What the server sends.


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (data_frame(b"Hello", text=True), bytes.fromhex("810548656c6c6f")),
        (data_frame(b"Hello"), bytes.fromhex("820548656c6c6f")),
        (data_frame(b"x" * 256)[:4], bytes.fromhex("827e0100")),
        (data_frame(b"x" * 65536)[:10], bytes.fromhex("827f0000000000010000")),
        (data_frame(b"x" * 125)[:2], bytes.fromhex("827d")),
        (pong_frame(b"Hello"), bytes.fromhex("8a0548656c6c6f")),
        (close_frame(1000), bytes.fromhex("880203e8")),
        (close_frame(1005), bytes.fromhex("8800")),
        (close_frame(1002, "no"), bytes.fromhex("880403ea") + b"no"),
    ],
)
def test_frames_are_the_rfcs(made: bytes, expected: bytes) -> None:
    assert made == expected


def test_a_reason_is_cut_between_characters() -> None:
    made = close_frame(1011, "ü" * 100)
    assert made[1] == len(made) - 2 <= 125
    assert made[4:].decode() == "ü" * 61
