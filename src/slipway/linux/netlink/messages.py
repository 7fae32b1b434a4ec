"""Netlink messages and attributes as bytes, without I/O. Linux, include/uapi/linux/netlink.h; native byte order."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

NLM_F_REQUEST = 0x001
NLM_F_ACK = 0x004
NLM_F_DUMP = 0x300
NLM_F_REPLACE = 0x100
NLM_F_EXCL = 0x200
NLM_F_CREATE = 0x400
NLM_F_APPEND = 0x800
# In an answer: nothing of the request is repeated; attributes follow.
NLM_F_CAPPED = 0x100
NLM_F_ACK_TLVS = 0x200

NLMSG_ERROR = 2
NLMSG_DONE = 3
NLMSGERR_ATTR_MSG = 1
NLA_F_NESTED = 0x8000
NLA_TYPE_MASK = 0x3FFF

HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence, port
ATTRIBUTE = struct.Struct("=HH")  # length, type
LONGEST_ATTRIBUTE = 0xFFFF - ATTRIBUTE.size


class Message(NamedTuple):
    """One message as received; `body` is without the header."""

    kind: int
    flags: int
    sequence: int
    body: bytes


class Answer(NamedTuple):
    """An acknowledgement (`error` 0) or refusal (an errno), with the kernel's words where it gave some."""

    sequence: int
    error: int
    words: str


def message(kind: int, flags: int, sequence: int, body: bytes) -> bytes:
    return HEADER.pack(HEADER.size + len(body), kind, flags, sequence, 0) + body


def attribute(kind: int, payload: bytes) -> bytes:
    """One attribute, padded to four bytes. A longer payload than its length field can say is a bug of the caller's: a
    wrapped length would let data be read as attributes (CVE-2021-43784)."""
    if len(payload) > LONGEST_ATTRIBUTE:
        raise ValueError(f"netlink attribute {kind} of {len(payload)} bytes; at most {LONGEST_ATTRIBUTE} fit")
    length = ATTRIBUTE.size + len(payload)
    return ATTRIBUTE.pack(length, kind) + payload + bytes(-length % 4)


def nested(kind: int, *attributes: bytes) -> bytes:
    return attribute(kind | NLA_F_NESTED, b"".join(attributes))


def number(kind: int, value: int) -> bytes:
    """A 32-bit number in the machine's byte order (rtnetlink)."""
    return attribute(kind, struct.pack("=I", value))


def big_endian(kind: int, value: int) -> bytes:
    """A 32-bit number in network order (nfnetlink)."""
    return attribute(kind, struct.pack(">I", value))


def text(kind: int, value: str) -> bytes:
    return attribute(kind, value.encode() + b"\0")


def messages_from_bytes(data: bytes) -> Iterator[Message]:
    """The messages of one datagram. ValueError when one claims more than there is."""
    offset = 0
    while offset + HEADER.size <= len(data):
        length, kind, flags, sequence, _ = HEADER.unpack_from(data, offset)
        if not HEADER.size <= length <= len(data) - offset:
            raise ValueError(f"netlink message of {length} bytes in a datagram with {len(data) - offset} left")
        yield Message(kind, flags, sequence, data[offset + HEADER.size : offset + length])
        offset += length + -length % 4


def attributes_from_bytes(data: bytes) -> dict[int, bytes]:
    """Payloads by kind, flags taken off; the last one of a kind wins."""
    return dict(attribute_list(data))


def attribute_list(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Attributes in their order, for lists in which a kind repeats."""
    offset = 0
    while offset + ATTRIBUTE.size <= len(data):
        length, kind = ATTRIBUTE.unpack_from(data, offset)
        if not ATTRIBUTE.size <= length <= len(data) - offset:
            raise ValueError(f"netlink attribute of {length} bytes with {len(data) - offset} left")
        yield kind & NLA_TYPE_MASK, data[offset + ATTRIBUTE.size : offset + length]
        offset += length + -length % 4


def answer_from_message(received: Message) -> Answer:
    """What an NLMSG_ERROR says. The request's header, or all of it, is repeated before the attributes."""
    negated, request_length = struct.unpack_from("=iI", received.body)
    words = ""
    if received.flags & NLM_F_ACK_TLVS:
        repeated = HEADER.size if received.flags & NLM_F_CAPPED else request_length + -request_length % 4
        found = attributes_from_bytes(received.body[4 + repeated :])
        words = found.get(NLMSGERR_ATTR_MSG, b"").rstrip(b"\0").decode("ascii", "replace")
    return Answer(received.sequence, -negated, words)
