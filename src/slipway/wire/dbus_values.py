"""Values of D-Bus as bytes and back, each by its signature. No I/O.

A signature's value is, in Python: `b` bool; `y n q i u x t` int; `d` float; `s o g` str; `ay` bytes; `aX` list (also
given as a tuple); `a{KV}` list of (key, value); `(...)` tuple; `v` Variant.
Source: D-Bus Specification 0.43, Type System and Marshaling. Little endian is written, both are read.
"""

from __future__ import annotations

import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    # What a signature describes; readers narrow it.
    Value: TypeAlias = "bool | int | float | str | bytes | Sequence[Value] | Variant"

LONGEST_ARRAY = 1 << 26
_DEEPEST = 32  # containers in containers, of each kind
_LONGEST_SIGNATURE = 255
# Signature -> (struct's letter, alignment, which is also the size).
_FIXED = {
    "y": ("B", 1),
    "b": ("I", 4),
    "n": ("h", 2),
    "q": ("H", 2),
    "i": ("i", 4),
    "u": ("I", 4),
    "x": ("q", 8),
    "t": ("Q", 8),
    "d": ("d", 8),
    "h": ("I", 4),
}
_TEXT = {"s": 4, "o": 4, "g": 1}


class EncodeError(ValueError):
    """A value that its signature does not describe."""


class DecodeError(ValueError):
    """Bytes that are not what their signature says."""


class Variant:
    """A value that carries its signature."""

    __slots__ = ("signature", "value")

    def __init__(self, signature: str, value: Value) -> None:
        self.signature = signature
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Variant) and (self.signature, self.value) == (other.signature, other.value)

    def __hash__(self) -> int:
        return hash(self.signature)

    def __repr__(self) -> str:
        return f"Variant({self.signature!r}, {self.value!r})"


def split_signature(signature: str) -> list[str]:
    """The complete types of a signature. Raises DecodeError for what is none."""
    if len(signature) > _LONGEST_SIGNATURE:
        raise DecodeError("a signature has at most 255 characters")
    types = []
    while signature:
        end = _type_end(signature, 0, 0)
        types.append(signature[:end])
        signature = signature[end:]
    return types


def _type_end(signature: str, start: int, depth: int) -> int:
    """Behind the one complete type that begins at `start`."""
    letter = signature[start : start + 1]
    if depth > _DEEPEST:
        raise DecodeError("a signature is nested too deeply")
    if letter in _FIXED or letter in _TEXT or letter == "v":
        return start + 1
    if letter == "a":
        if signature[start + 1 : start + 2] == "{":
            return _entry_end(signature, start + 1, depth + 1)
        return _type_end(signature, start + 1, depth + 1)
    if letter == "(":
        end = start + 1
        while signature[end : end + 1] != ")":
            end = _type_end(signature, end, depth + 1)
        if end == start + 1:
            raise DecodeError("a structure of a signature is empty")
        return end + 1
    raise DecodeError(f"{signature!r} is not a signature")


def _entry_end(signature: str, start: int, depth: int) -> int:
    """Behind a dictionary's entry, `{KV}`."""
    key = signature[start + 1 : start + 2]
    if key not in _FIXED and key not in _TEXT:
        raise DecodeError(f"{signature!r} is not a signature: a key is a basic type")
    end = _type_end(signature, start + 2, depth)
    if signature[end : end + 1] != "}":
        raise DecodeError(f"{signature!r} is not a signature: an entry has a key and a value")
    return end + 1


def alignment_of(signature: str) -> int:
    """Of a value's first byte, counted from the beginning of the message."""
    letter = signature[0]
    if letter in _FIXED:
        return _FIXED[letter][1]
    return {"s": 4, "o": 4, "a": 4, "(": 8, "{": 8}.get(letter, 1)


def encode_values(signature: str, values: Sequence[Value]) -> bytes:
    """One value for each complete type. What is encoded must begin at a multiple of eight. Raises EncodeError."""
    types = split_signature(signature)
    if len(types) != len(values):
        raise EncodeError(f"{len(values)} values for the signature {signature!r}")
    out = bytearray()
    for kind, value in zip(types, values, strict=True):
        _encode(out, kind, value)
    return bytes(out)


def _pad(out: bytearray, alignment: int) -> None:
    out += bytes(-len(out) % alignment)


def _encode(out: bytearray, signature: str, value: Value) -> None:
    letter = signature[0]
    _pad(out, alignment_of(signature))
    if letter in _FIXED:
        _encode_fixed(out, letter, value)
    elif letter in _TEXT:
        _encode_text(out, letter, value)
    elif letter == "v":
        if not isinstance(value, Variant):
            raise EncodeError(f"{value!r} is not a variant")
        if len(split_signature(value.signature)) != 1:
            raise EncodeError(f"{value!r} is not of one type")
        _encode_text(out, "g", value.signature)
        _encode(out, value.signature, value.value)
    elif letter == "a":
        _encode_array(out, signature[1:], value)
    else:
        _encode_members(out, signature[1:-1], value)


def _encode_fixed(out: bytearray, letter: str, value: Value) -> None:
    if letter == "b":
        if not isinstance(value, bool):
            raise EncodeError(f"{value!r} is not a boolean")
    elif isinstance(value, bool) or not isinstance(value, (int, float)):
        raise EncodeError(f"{value!r} is not a number")
    try:
        out += struct.pack(f"<{_FIXED[letter][0]}", value)
    except struct.error:
        raise EncodeError(f"{value!r} is not a number of type {letter!r}") from None


def _encode_text(out: bytearray, letter: str, value: Value) -> None:
    if not isinstance(value, str) or "\0" in value:
        raise EncodeError(f"{value!r} is not text without a NUL")
    try:
        text = value.encode()
    except UnicodeEncodeError:
        raise EncodeError(f"{value!r} is not UTF-8") from None
    if letter == "g" and len(text) > _LONGEST_SIGNATURE:
        raise EncodeError("a signature has at most 255 characters")
    out += struct.pack("<B" if letter == "g" else "<I", len(text)) + text + b"\0"


def _encode_array(out: bytearray, element: str, value: Value) -> None:
    """A length, then padding that it does not count, then the elements."""
    if isinstance(value, (str, Variant)) or not hasattr(value, "__iter__"):
        raise EncodeError(f"{value!r} is not an array")
    place = len(out)
    out += bytes(4)
    _pad(out, alignment_of(element))
    begin = len(out)
    if element == "y" and isinstance(value, bytes):
        out += value
    else:
        for item in value:
            _encode(out, element, item)
    if len(out) - begin > LONGEST_ARRAY:
        raise EncodeError("an array has at most 64 MiB")
    struct.pack_into("<I", out, place, len(out) - begin)


def _encode_members(out: bytearray, signature: str, value: Value) -> None:
    types = split_signature(signature)
    if not isinstance(value, (tuple, list)) or len(value) != len(types):
        raise EncodeError(f"{value!r} is not a structure of type ({signature})")
    for kind, item in zip(types, value, strict=True):
        _encode(out, kind, item)


def decode_values(signature: str, data: bytes, *, big_endian: bool = False) -> list[Value]:
    """The values of a body, which must end with them. Raises DecodeError."""
    reader = Reader(data, ">" if big_endian else "<")
    values = [reader.read(kind) for kind in split_signature(signature)]
    if reader.place != len(data):
        raise DecodeError(f"{len(data) - reader.place} bytes are left behind {signature!r}")
    return values


class Reader:
    """Reads one value after another from bytes that begin at a multiple of eight. Raises DecodeError."""

    __slots__ = ("_data", "_order", "place")

    def __init__(self, data: bytes, order: str) -> None:
        self._data = data
        self._order = order
        self.place = 0

    def read(self, signature: str, depth: int = 0) -> Value:
        """`depth` counts variants within variants, whose signatures no limit of one signature counts."""
        letter = signature[0]
        if depth > 2 * _DEEPEST:
            raise DecodeError("a value is nested too deeply")
        self._align(alignment_of(signature))
        if letter in _FIXED:
            return self._fixed(letter)
        if letter in _TEXT:
            return self._text(letter)
        if letter == "v":
            types = split_signature(self._text("g"))
            if len(types) != 1:
                raise DecodeError("a variant is not of one type")
            return Variant(types[0], self.read(types[0], depth + 1))
        if letter == "a":
            return self._array(signature[1:], depth)
        return tuple(self.read(kind, depth) for kind in split_signature(signature[1:-1]))

    def _align(self, alignment: int) -> None:
        padding = self._take(-self.place % alignment)
        if any(padding):
            raise DecodeError("padding is not zero")

    def _take(self, size: int) -> bytes:
        taken = self._data[self.place : self.place + size]
        if len(taken) != size:
            raise DecodeError("the message ends within a value")
        self.place += size
        return taken

    def _fixed(self, letter: str) -> int | float | bool:
        code, size = _FIXED[letter]
        value: int | float = struct.unpack(self._order + code, self._take(size))[0]
        if letter == "b":
            if value not in (0, 1):
                raise DecodeError(f"{value} is not a boolean")
            return bool(value)
        return value

    def _text(self, letter: str) -> str:
        size = self._fixed("y" if letter == "g" else "u")
        raw = self._take(int(size) + 1)
        if raw[-1] or b"\0" in raw[:-1]:
            raise DecodeError("text does not end with its only NUL")
        try:
            return raw[:-1].decode()
        except UnicodeDecodeError:
            raise DecodeError("text is not UTF-8") from None

    def _array(self, element: str, depth: int) -> Value:
        size = int(self._fixed("u"))
        if size > LONGEST_ARRAY:
            raise DecodeError("an array has at most 64 MiB")
        self._align(alignment_of(element))
        if element == "y":
            return self._take(size)
        end = self.place + size
        if end > len(self._data):
            raise DecodeError("the message ends within a value")
        items: list[Value] = []
        while self.place < end:
            if element[0] == "{":
                self._align(8)
                kinds = split_entry(element)
                items.append(tuple(self.read(kind, depth) for kind in kinds))
            else:
                items.append(self.read(element, depth))
        if self.place != end:
            raise DecodeError("an array ends within an element")
        return items


def split_entry(entry: str) -> tuple[str, str]:
    """Key and value of `{KV}`."""
    return entry[1], entry[2:-1]
