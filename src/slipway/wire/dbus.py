"""D-Bus without I/O: messages to bytes, bytes to messages, and the lines of its authentication.

Source: D-Bus Specification 0.43, Message Format and Authentication Protocol.
"""

from __future__ import annotations

import struct

from slipway.wire.dbus_values import DecodeError, Reader, Variant, decode_values, encode_values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from slipway.wire.dbus_values import Value

METHOD_CALL, METHOD_RETURN, ERROR, SIGNAL = 1, 2, 3, 4
NO_REPLY_EXPECTED = 1
LONGEST_MESSAGE = 1 << 27
_PATH, _INTERFACE, _MEMBER, _ERROR_NAME, _REPLY_SERIAL, _DESTINATION, _SENDER, _SIGNATURE = range(1, 9)
_FIELD_TYPES = {
    _PATH: "o",
    _INTERFACE: "s",
    _MEMBER: "s",
    _ERROR_NAME: "s",
    _REPLY_SERIAL: "u",
    _DESTINATION: "s",
    _SENDER: "s",
    _SIGNATURE: "g",
}
_FIXED_HEADER = 16  # to the end of the length of the header's fields
_VERSION = 1
_LONGEST_LINE = 16384


class Call:
    """A method to be called. `destination` is empty where no bus lies between."""

    __slots__ = ("body", "destination", "interface", "member", "path", "signature")

    def __init__(
        self,
        path: str,
        interface: str,
        member: str,
        signature: str = "",
        body: Sequence[Value] = (),
        *,
        destination: str = "",
    ) -> None:
        self.path = path
        self.interface = interface
        self.member = member
        self.signature = signature
        self.body = body
        self.destination = destination


class Message:
    """One that arrived. Fields that it lacks are empty; `reply_to` is 0 in what answers no call."""

    __slots__ = ("body", "error", "interface", "kind", "member", "path", "reply_to", "sender", "serial", "signature")

    def __init__(self, kind: int, serial: int, fields: dict[int, Value]) -> None:
        self.kind = kind
        self.serial = serial
        self.path = str(fields.get(_PATH, ""))
        self.interface = str(fields.get(_INTERFACE, ""))
        self.member = str(fields.get(_MEMBER, ""))
        self.error = str(fields.get(_ERROR_NAME, ""))
        self.sender = str(fields.get(_SENDER, ""))
        self.signature = str(fields.get(_SIGNATURE, ""))
        reply = fields.get(_REPLY_SERIAL, 0)
        self.reply_to = reply if isinstance(reply, int) else 0
        self.body: list[Value] = []

    def texts(self) -> list[str]:
        """The body's values that are text, in order."""
        return [value for value in self.body if isinstance(value, str)]


def encode_call(call: Call, serial: int) -> bytes:
    """Raises EncodeError for a body that is not what the signature says."""
    body = encode_values(call.signature, call.body)
    fields: list[Value] = [
        (number, Variant(_FIELD_TYPES[number], value))
        for number, value in (
            (_PATH, call.path),
            (_INTERFACE, call.interface),
            (_MEMBER, call.member),
            (_DESTINATION, call.destination),
            (_SIGNATURE, call.signature),
        )
        if value
    ]
    header = encode_values("yyyyuua(yv)", [ord("l"), METHOD_CALL, 0, _VERSION, len(body), serial, fields])
    return header + bytes(-len(header) % 8) + body


class Messages:
    """What a connection receives, cut into messages."""

    __slots__ = ("_buffer",)

    def __init__(self, first: bytes = b"") -> None:
        self._buffer = bytearray(first)

    def feed(self, data: bytes) -> list[Message]:
        """The messages that `data` completes. Raises DecodeError; the connection is of no more use then."""
        self._buffer += data
        messages = []
        while len(self._buffer) >= _FIXED_HEADER:
            size, body_size, big_endian = _sizes(self._buffer)
            if len(self._buffer) < size:
                break
            messages.append(_decode(bytes(self._buffer[:size]), body_size, big_endian=big_endian))
            del self._buffer[:size]
        return messages


def _sizes(buffer: bytearray) -> tuple[int, int, bool]:
    """(the whole message, its body, whether it is big endian)."""
    if buffer[0] not in b"lB" or buffer[3] != _VERSION:
        raise DecodeError("this is not D-Bus, version 1")
    big_endian = buffer[0] == ord("B")
    order = ">" if big_endian else "<"
    body_size, _serial, fields_size = struct.unpack_from(f"{order}III", buffer, 4)
    size = _FIXED_HEADER + fields_size + -fields_size % 8 + body_size
    if size > LONGEST_MESSAGE:
        raise DecodeError("a message has at most 128 MiB")
    return size, body_size, big_endian


def _decode(data: bytes, body_size: int, *, big_endian: bool) -> Message:
    reader = Reader(data, ">" if big_endian else "<")
    _, kind, _, _, _, serial = [reader.read(letter) for letter in "yyyyuu"]
    fields: dict[int, Value] = {}
    entries = reader.read("a(yv)")
    assert isinstance(entries, list)
    for number, variant in entries:
        if _FIELD_TYPES.get(number, variant.signature) != variant.signature:
            raise DecodeError(f"the header's field {number} is of type {variant.signature!r}")
        fields[number] = variant.value
    assert isinstance(kind, int)
    assert isinstance(serial, int)
    message = Message(kind, serial, fields)
    body = data[len(data) - body_size :]
    message.body = decode_values(message.signature, body, big_endian=big_endian)
    return message


class Authentication:
    """The client's side of EXTERNAL, without a name: the other side asks the kernel who we are (SO_PEERCRED).

    So it also works in a user namespace, where the two do not call a user by the same number. Send REQUEST; when
    `is_done`, messages may be sent, and `rest` holds what came behind the answers.
    All of it goes out at once, as systemd's own clients do: a message that systemd reads together with BEGIN would wait
    there until another one comes.
    """

    __slots__ = ("_answers", "rest")

    REQUEST = b"\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n"

    def __init__(self) -> None:
        self.rest = b""
        self._answers: list[bytes] = []

    def feed(self, data: bytes) -> None:
        """Raises DecodeError with what the other side says, if it refuses."""
        self.rest += data
        while not self.is_done and b"\r\n" in self.rest:
            line, _, self.rest = self.rest.partition(b"\r\n")
            self._answers.append(line.partition(b" ")[0])
            # Older ones of systemd say OK to the first line, and ERROR to the empty DATA that they did not ask for.
            if self._answers not in ([b"DATA"], [b"OK"], [b"DATA", b"OK"], [b"OK", b"ERROR"]):
                raise DecodeError(f"authentication refused: {line.decode('ascii', 'replace')}")
        if not self.is_done and len(self.rest) > _LONGEST_LINE:
            raise DecodeError("a line of the authentication is longer than 16 KiB")

    @property
    def is_done(self) -> bool:
        return len(self._answers) == 2


def unix_addresses(text: str) -> list[str]:
    """The unix sockets of a bus address (`unix:path=/run/bus;...`): paths, abstract ones with `@` before."""
    found = []
    for one in text.split(";"):
        kind, _, pairs = one.partition(":")
        if kind != "unix":
            continue
        for pair in pairs.split(","):
            key, _, value = pair.partition("=")
            if key in ("path", "abstract"):
                found.append(("@" if key == "abstract" else "") + _unescaped(value))
    return found


def _unescaped(value: str) -> str:
    """`%20` is a blank. Source: D-Bus Specification, Server Addresses."""
    head, *parts = value.split("%")
    out = head.encode("utf-8", "surrogateescape")
    for part in parts:
        try:
            out += bytes.fromhex(part[:2])
        except ValueError:
            out += b"%" + part[:2].encode()
        out += part[2:].encode("utf-8", "surrogateescape")
    return out.decode("utf-8", "surrogateescape")
