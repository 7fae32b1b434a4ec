"""Netlink's bytes."""

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.linux.netlink.messages import (
    NLM_F_ACK_TLVS,
    NLM_F_CAPPED,
    NLMSG_ERROR,
    Message,
    answer_from_message,
    attribute,
    attribute_list,
    attributes_from_bytes,
    message,
    messages_from_bytes,
    nested,
    text,
)


@given(st.lists(st.tuples(st.integers(0, 0x3FFF), st.binary(max_size=300))))
def test_attributes_are_read_as_they_were_written(pairs: list[tuple[int, bytes]]) -> None:
    written = b"".join(attribute(kind, payload) for kind, payload in pairs)
    assert len(written) % 4 == 0
    assert list(attribute_list(written)) == pairs


@given(st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=50)), max_size=10))
def test_messages_are_read_as_they_were_written(pairs: list[tuple[int, bytes]]) -> None:
    padded = [(kind, body + bytes(-len(body) % 4)) for kind, body in pairs]
    datagram = b"".join(message(kind, 1, place, body) for place, (kind, body) in enumerate(padded))
    assert [(each.kind, each.body) for each in messages_from_bytes(datagram)] == padded


@given(st.binary(max_size=200))
def test_nonsense_is_refused_or_read_never_run_past(data: bytes) -> None:
    for read in (messages_from_bytes, attribute_list):
        with suppress(ValueError):  # any other error is a bug
            list(read(data))


def test_a_payload_that_does_not_fit_its_length_field_is_refused() -> None:
    assert len(attribute(1, bytes(0xFFFF - 4))) == 0x10000
    with pytest.raises(ValueError, match="at most 65531 fit"):
        attribute(1, bytes(0xFFFF - 3))


def test_nested_attributes_are_marked() -> None:
    (kind, payload), *_ = attribute_list(nested(5, text(1, "x")))
    assert (kind, attributes_from_bytes(payload)) == (5, {1: b"x\0"})
    assert struct.unpack_from("=H", nested(5), 2)[0] & 0x8000


@pytest.mark.parametrize("capped", [True, False])
def test_a_refusal_has_the_kernels_words(capped: bool) -> None:
    request = message(16, 0, 7, b"" if capped else b"body")
    body = struct.pack("=i", -17) + request + text(1, "File exists, really")
    flags = NLM_F_ACK_TLVS | (NLM_F_CAPPED if capped else 0)
    answer = answer_from_message(Message(NLMSG_ERROR, flags, 7, body))
    assert (answer.error, answer.words, answer.sequence) == (17, "File exists, really", 7)


def test_an_acknowledgement_is_no_error() -> None:
    answer = answer_from_message(Message(NLMSG_ERROR, 0, 7, struct.pack("=i", 0) + message(16, 0, 7, b"")))
    assert (answer.error, answer.words) == (0, "")
