"""Protocol Buffers messages encoded and decoded by hand, from a table written as class attributes. No I/O.

A message is declared by its fields, with their numbers, as in the .proto file:

    class WaitResponse(Message):
        exit_status = uint(1)
        exited_at = message(2, Timestamp)

Reading a field that was never set gives its default: "", b"", 0, False, () or, for a message, None. What is equal to
the default is not sent (proto3). Fields with unknown numbers are skipped.

Source: protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    MessageType = TypeVar("MessageType", bound="Message")

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_DEEPEST = 32  # messages within messages; ours need five


class DecodeError(ValueError):
    """The bytes are no message: truncated, of an impossible wire type, or not UTF-8 where text belongs."""


class Field:
    """One row of a message's table. `kind` is one of the constants below; `of` the class of a message field."""

    __slots__ = ("default", "kind", "name", "number", "of", "repeated")

    def __init__(
        self, number: int, kind: str, default: object, *, of: type[Message] | None = None, repeated: bool = False
    ) -> None:
        self.number = number
        self.kind = kind
        self.default = default
        self.of = of
        self.repeated = repeated
        self.name = ""


# The functions say the type of the *value* to the type checker; `Message.__init_subclass__` keeps the row and leaves
# the default in the class.
def text(number: int) -> str:
    return Field(number, "text", "")  # type: ignore[return-value]


def blob(number: int) -> bytes:
    return Field(number, "blob", b"")  # type: ignore[return-value]


def uint(number: int) -> int:
    """uint32, uint64, an enum, or an int that is never negative."""
    return Field(number, "uint", 0)  # type: ignore[return-value]


def sint(number: int) -> int:
    """int32 and int64: negative numbers take ten bytes (two's complement of 64 bits)."""
    return Field(number, "sint", 0)  # type: ignore[return-value]


def flag(number: int) -> bool:
    return Field(number, "flag", False)  # type: ignore[return-value]


def double(number: int) -> float:
    return Field(number, "double", 0.0)  # type: ignore[return-value]


def message(number: int, of: type[MessageType]) -> MessageType | None:
    return Field(number, "message", None, of=of)  # type: ignore[return-value]


def texts(number: int) -> tuple[str, ...] | list[str]:
    return Field(number, "text", (), repeated=True)  # type: ignore[return-value]


def uints(number: int) -> tuple[int, ...] | list[int]:
    return Field(number, "uint", (), repeated=True)  # type: ignore[return-value]


def messages(number: int, of: type[MessageType]) -> tuple[MessageType, ...] | list[MessageType]:
    return Field(number, "message", (), of=of, repeated=True)  # type: ignore[return-value]


class Message:
    """The base of all messages. Keyword arguments set fields; two messages are equal when all their fields are."""

    FIELDS: tuple[Field, ...] = ()
    BY_NUMBER: dict[int, Field] = {}  # noqa: RUF012 - ClassVar would need typing at run time

    def __init_subclass__(cls) -> None:
        fields = []
        for name, value in list(vars(cls).items()):
            if isinstance(value, Field):
                value.name = name
                fields.append(value)
                setattr(cls, name, value.default)
        cls.FIELDS = tuple(sorted(fields, key=lambda field: field.number))
        cls.BY_NUMBER = {field.number: field for field in fields}

    def __init__(self, **values: Any) -> None:
        for name in values:
            if not hasattr(type(self), name):
                raise TypeError(f"{type(self).__name__} has no field {name}")
        self.__dict__.update(values)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and all(
            getattr(self, field.name) == getattr(other, field.name) for field in self.FIELDS
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shown = ", ".join(
            f"{field.name}={getattr(self, field.name)!r}" for field in self.FIELDS if field.name in self.__dict__
        )
        return f"{type(self).__name__}({shown})"


def encode(value: Message) -> bytes:
    """The bytes of a message, fields in the order of their numbers."""
    out = bytearray()
    set_fields = value.__dict__
    for field in value.FIELDS:
        if field.name not in set_fields:
            continue
        content = set_fields[field.name]
        if field.repeated:
            _append_repeated(out, field, content)
        elif content != field.default or (field.kind == "message" and content is not None):
            _append(out, field, content)
    return bytes(out)


def _append_repeated(out: bytearray, field: Field, contents: Any) -> None:
    if field.kind != "uint":
        for content in contents:
            _append(out, field, content)
    elif contents:  # numbers are packed (proto3's default)
        packed = b"".join(encode_varint(content) for content in contents)
        out += encode_varint(field.number << 3 | _LENGTH) + encode_varint(len(packed)) + packed


def _append(out: bytearray, field: Field, content: Any) -> None:
    kind = field.kind
    if kind in ("uint", "flag", "sint"):
        out += encode_varint(field.number << 3 | _VARINT) + encode_varint(int(content) & 0xFFFFFFFFFFFFFFFF)
        return
    if kind == "double":
        out += encode_varint(field.number << 3 | _FIXED64) + struct.pack("<d", content)
        return
    if kind == "text":
        data = content.encode()
    elif kind == "message":
        data = encode(content)
    else:
        data = bytes(content)
    out += encode_varint(field.number << 3 | _LENGTH) + encode_varint(len(data)) + data


def encode_varint(value: int) -> bytes:
    if value < 0x80:
        return bytes((value,))
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def decode(of: type[MessageType], data: bytes, *, depth: int = 0) -> MessageType:
    """The message in `data`; raises DecodeError. A field sent twice keeps its last value; messages are not merged."""
    if depth > _DEEPEST:
        raise DecodeError(f"{of.__name__} is nested deeper than {_DEEPEST} messages")
    result = of()
    values = result.__dict__
    for number, wire, content in _wire_fields(data):
        field = of.BY_NUMBER.get(number)
        if field is None:
            continue
        value = _value(field, wire, content, depth)
        if not field.repeated:
            values[field.name] = value
        elif isinstance(value, list):
            values.setdefault(field.name, []).extend(value)
        else:
            values.setdefault(field.name, []).append(value)
    return result


def _wire_fields(data: bytes) -> list[tuple[int, int, Any]]:
    """(field number, wire type, integer or bytes) of each field in `data`."""
    fields: list[tuple[int, int, Any]] = []
    position, end = 0, len(data)
    while position < end:
        key, position = _varint_at(data, position)
        number, wire = key >> 3, key & 7
        if not number:
            raise DecodeError("field number 0")
        content: Any
        if wire == _VARINT:
            content, position = _varint_at(data, position)
        else:
            if wire == _LENGTH:
                length, position = _varint_at(data, position)
            elif wire in (_FIXED64, _FIXED32):
                length = 8 if wire == _FIXED64 else 4
            else:
                raise DecodeError(f"field {number} has wire type {wire}")
            if length > end - position:
                raise DecodeError(f"field {number} ends after the message")
            content = data[position : position + length]
            position += length
        fields.append((number, wire, content))
    return fields


def _varint_at(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    end = len(data)
    while position < end:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, position
        shift += 7
        if shift > 63:
            raise DecodeError("a number is longer than ten bytes")
    raise DecodeError("the message ends within a number")


_WIRE_TYPES = {
    "uint": _VARINT,
    "sint": _VARINT,
    "flag": _VARINT,
    "double": _FIXED64,
    "text": _LENGTH,
    "blob": _LENGTH,
    "message": _LENGTH,
}


def _value(field: Field, wire: int, content: Any, depth: int) -> Any:
    kind = field.kind
    if wire != _WIRE_TYPES[kind]:
        if kind == "uint" and field.repeated and wire == _LENGTH:
            return _unpacked(content)
        raise DecodeError(f"field {field.name} has wire type {wire}, expected {_WIRE_TYPES[kind]}")
    if kind == "uint":
        return content
    if kind == "text":
        try:
            return content.decode()
        except UnicodeDecodeError as error:
            raise DecodeError(f"field {field.name} is not UTF-8: {error}") from None
    if kind == "blob":
        return content
    if kind == "message":
        assert field.of is not None
        return decode(field.of, content, depth=depth + 1)
    if kind == "flag":
        return content != 0
    if kind == "double":
        return struct.unpack("<d", content)[0]
    return content - (1 << 64) if content >> 63 else content


def _unpacked(data: bytes) -> list[int]:
    numbers = []
    position = 0
    while position < len(data):
        number, position = _varint_at(data, position)
        numbers.append(number)
    return numbers
