"""D-Bus: values, messages, authentication, addresses."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.wire import dbus_values
from slipway.wire.dbus import METHOD_CALL, SIGNAL, Authentication, Call, Message, Messages, encode_call, unix_addresses
from slipway.wire.dbus_values import (
    DecodeError,
    EncodeError,
    Variant,
    decode_values,
    encode_values,
    split_signature,
)

if TYPE_CHECKING:
    from slipway.wire.dbus_values import Value

# What jeepney 0.9 makes of CALL with serial 7.
GOLDEN = bytes.fromhex(
    "6c010001f000000007000000b600000001016f00190000002f6f72672f667265656465736b746f702f73797374656d64310000000000"
    "000002017300200000006f72672e667265656465736b746f702e73797374656d64312e4d616e61676572000000000000000003017300"
    "1200000053746172745472616e7369656e74556e697400000000000006017300180000006f72672e667265656465736b746f702e7379"
    "7374656d6431000000000000000008016700107373612873762961287361287376292900000007000000782e73636f70650007000000"
    "7265706c61636500ca000000000000000b0000004465736372697074696f6e0001730000010000007800000000000000080000004465"
    "6c65676174650001620001000000000000000400000050494473000261750000000008000000010000000200000000000000090000"
    "004d656d6f72794d6178000174000000000000000000000000000100000b000000416c6c6f7765644350557300026179000100000005"
    "000000000000000b000000446576696365416c6c6f77000561287373290000120000000000000007000000626c6f636b2d2a00010000"
    "006d00000000000000"
)
PROPERTIES: list[Value] = [
    ("Description", Variant("s", "x")),
    ("Delegate", Variant("b", True)),
    ("PIDs", Variant("au", [1, 2])),
    ("MemoryMax", Variant("t", 1 << 40)),
    ("AllowedCPUs", Variant("ay", b"\5")),
    ("DeviceAllow", Variant("a(ss)", [("block-*", "m")])),
]
SERVICE = "org.freedesktop.systemd1"
CALL = Call(
    "/org/freedesktop/systemd1",
    f"{SERVICE}.Manager",
    "StartTransientUnit",
    "ssa(sv)a(sa(sv))",
    ["x.scope", "replace", PROPERTIES, []],
    destination=SERVICE,
)


def test_a_call_is_the_bytes_that_another_library_makes() -> None:
    assert encode_call(CALL, 7) == GOLDEN


def test_a_message_is_read_however_it_is_cut() -> None:
    messages = Messages()
    found: list[Message] = []
    for byte in GOLDEN + GOLDEN:
        found += messages.feed(bytes([byte]))
    first, second = found
    assert (first.kind, first.serial, first.path, first.member) == (METHOD_CALL, 7, CALL.path, CALL.member)
    assert (first.interface, first.sender, first.reply_to) == (CALL.interface, "", 0)
    assert first.body == second.body == ["x.scope", "replace", PROPERTIES, []]
    assert first.texts() == ["x.scope", "replace"]


def test_a_message_of_a_big_endian_machine_is_read() -> None:
    """As busctl prints the signal, with `B` before it."""
    fields = b"\2\1s\0" + struct.pack(">I", 3) + b"a.b\0" + bytes(4) + b"\5\1u\0" + struct.pack(">I", 9)
    fields += b"\x08\1g\0\2us\0"
    body = struct.pack(">II", 78, 4) + b"done\0"
    raw = b"B\4\1\1" + struct.pack(">III", len(body), 5, len(fields)) + fields
    raw += bytes(-len(raw) % 8) + body
    [message] = Messages().feed(raw)
    assert (message.kind, message.serial, message.interface, message.reply_to) == (SIGNAL, 5, "a.b", 9)
    assert message.body == [78, "done"]


@pytest.mark.parametrize(
    ("signature", "value"),
    [
        *(("y", 255), ("b", False), ("n", -2), ("q", 3), ("i", -4), ("u", 5), ("x", -6), ("t", 7), ("d", 0.5)),
        *(("s", "é"), ("o", "/a"), ("g", "a{sv}"), ("ay", b"\0\1"), ("as", []), ("au", [1, 2])),
        *(("a(ss)", [("a", "b"), ("", "")]), ("a{sv}", [("k", Variant("t", 1))]), ("a{yat}", [(1, [2])])),
        *(
            ("(yt)", (1, 2)),
            ("v", Variant("v", Variant("s", "x"))),
            ("a(iiqhh)", [(1, 2, 3, 4, 5)]),
            ("aad", [[], [1.0]]),
        ),
    ],
)
def test_a_value_comes_back(signature: str, value: Value) -> None:
    assert decode_values(f"y{signature}", encode_values(f"y{signature}", [1, value])) == [1, value]


@pytest.mark.parametrize(
    ("signature", "value"),
    [
        *(
            ("y", 256),
            ("u", -1),
            ("u", "1"),
            ("u", True),
            ("b", 1),
            ("t", 1.5),
            ("s", 1),
            ("s", "a\0b"),
            ("s", "\udc80"),
        ),
        *(
            ("v", "x"),
            ("v", Variant("", 1)),
            ("v", Variant("ss", "x")),
            ("as", "ab"),
            ("as", 5),
            ("as", Variant("s", "")),
        ),
        *(("(ss)", ("a",)), ("(ss)", "ab"), ("a{sv}", [("a",)]), ("g", "y" * 256)),
    ],
)
def test_a_value_that_its_signature_does_not_describe_is_refused(signature: str, value: Value) -> None:
    with pytest.raises((EncodeError, DecodeError)):
        encode_values(signature, [value])


def test_an_array_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dbus_values, "LONGEST_ARRAY", 3)
    with pytest.raises(EncodeError):
        encode_values("ay", [b"four"])
    with pytest.raises(DecodeError):
        decode_values("ay", b"\4\0\0\0four")


def test_there_is_one_value_for_each_type() -> None:
    with pytest.raises(EncodeError):
        encode_values("ss", ["a"])


@pytest.mark.parametrize(
    "signature",
    [
        "a",
        "(",
        "()",
        "(s",
        "z",
        "{sv}",
        "a{vs}",
        "a{s}",
        "a{sss}",
        "a" * 34 + "y",
        "y" * 256,
        "(" * 34 + "y" + ")" * 34,
    ],
)
def test_what_is_no_signature_is_refused(signature: str) -> None:
    with pytest.raises(DecodeError):
        split_signature(signature)


def test_a_signature_is_split_into_types() -> None:
    assert split_signature("sa(sv)a{say}v") == ["s", "a(sv)", "a{say}", "v"]


def boxes(depth: int) -> bytes:
    """A variant in a variant in a variant ..."""
    return b"\1v\0" * depth + b"\1y\0\5"


@pytest.mark.parametrize(
    ("signature", "data"),
    [
        ("u", b"\1\0"),
        ("b", b"\2\0\0\0"),
        ("yu", b"\1\1\0\0\1\0\0\0"),  # padding
        ("s", b"\1\0\0\0ab"),
        ("s", b"\1\0\0\0\0\0"),
        ("s", b"\1\0\0\0\xff\0"),
        ("s", b"\xff\xff\xff\xff"),
        ("ay", b"\xff\xff\xff\xff"),
        ("as", b"\x09\0\0\0\1\0\0\0a\0"),
        ("au", b"\5\0\0\0" + bytes(8)),
        ("y", b"\1\2"),
        ("v", b"\0\0"),
        ("v", b"\2ss\0"),
        ("v", boxes(100)),
    ],
)
def test_bytes_that_are_not_what_the_signature_says_are_refused(signature: str, data: bytes) -> None:
    with pytest.raises(DecodeError):
        decode_values(signature, data)


@pytest.mark.parametrize(
    "raw",
    [
        b"X" + GOLDEN[1:],
        GOLDEN[:3] + b"\2" + GOLDEN[4:],
        GOLDEN[:4] + b"\xff\xff\xff\xff" + GOLDEN[8:],
        GOLDEN.replace(b"\1\1o\0", b"\1\1s\0"),  # the path is an object's
    ],
)
def test_what_is_no_message_is_refused(raw: bytes) -> None:
    with pytest.raises(DecodeError):
        Messages().feed(raw)


@given(st.integers(0, len(GOLDEN) - 1), st.binary(min_size=1, max_size=8))
def test_a_damaged_message_is_read_or_refused_and_nothing_else(place: int, damage: bytes) -> None:
    try:
        Messages().feed(GOLDEN[:place] + damage + GOLDEN[place + len(damage) :])
    except DecodeError:
        return


@given(st.text("ybnqiuxtdsogav(){}", max_size=12), st.binary(max_size=64))
def test_any_bytes_are_read_by_any_signature_or_refused(signature: str, data: bytes) -> None:
    try:
        values = decode_values(signature, data)
    except DecodeError:
        return
    assert len(values) == len(split_signature(signature))


@pytest.mark.parametrize("answers", [b"DATA\r\nOK 1234\r\n", b"OK 1234\r\nERROR\r\n"])
def test_authentication_needs_no_name(answers: bytes) -> None:
    assert Authentication.REQUEST == b"\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n"
    dialogue = Authentication()
    dialogue.feed(answers[:3])
    assert not dialogue.is_done
    dialogue.feed(answers[3:] + b"l\4")
    assert dialogue.is_done
    assert dialogue.rest == b"l\4"


@pytest.mark.parametrize("answer", [b"REJECTED EXTERNAL\r\n", b"DATA\r\nREJECTED\r\n", b"\xff\r\n", b"x" * 20000])
def test_a_refused_authentication_says_so(answer: bytes) -> None:
    with pytest.raises(DecodeError):
        Authentication().feed(answer)


def test_addresses_of_a_bus() -> None:
    assert unix_addresses("unix:path=/run/a%20b,guid=1;tcp:host=x;unix:abstract=c;unix:path=%zz") == [
        "/run/a b",
        "@c",
        "%zz",
    ]
    assert unix_addresses("") == []


def test_variants_of_equal_signature_and_value_are_equal() -> None:
    assert {Variant("s", "a"), Variant("s", "a")} == {Variant("s", "a")}
    assert repr(Variant("s", "a")) == "Variant('s', 'a')"
    assert Variant("s", "a") != "a"
