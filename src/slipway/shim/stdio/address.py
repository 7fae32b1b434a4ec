"""Where a stream leads, as its name says: a fifo's path, or a URI. Pure.

Source: containerd core/runtime/v2/README.md, "Logging"; a URI's path and query are URL encoded (RFC 3986).
"""

from __future__ import annotations

import os

from slipway.base.errors import InvalidArgument

FIFO, FILE, PROGRAM = "fifo", "file", "binary"


class Address:
    """`scheme` is one of the three; `arguments` are those of a program."""

    __slots__ = ("arguments", "path", "scheme")

    def __init__(self, scheme: str, path: str, arguments: list[str]) -> None:
        self.scheme = scheme
        self.path = path
        self.arguments = arguments


def address_from_name(name: str) -> Address:
    """Raises InvalidArgument for another scheme, or a path that is not absolute."""
    scheme, separator, rest = name.partition("://")
    if not separator:
        return Address(FIFO, name, [])
    if scheme not in (FIFO, FILE, PROGRAM):
        raise InvalidArgument(f"unknown STDIO scheme {scheme}")
    rest, _, _fragment = rest.partition("#")
    path, _, query = rest.partition("?")
    if not path.startswith("/"):
        raise InvalidArgument(f"{name!r} has no absolute path")
    return Address(scheme, _decoded(path, name), _arguments(query, name))


def name_of_file(path: str) -> str:
    """The name from which `address_from_name` makes that path."""
    for reserved in "%?#":  # the first one first
        path = path.replace(reserved, f"%{ord(reserved):02X}")
    return f"{FILE}://{path}"


def _arguments(query: str, name: str) -> list[str]:
    """Every key and its first value, "" where it has none, as the original passes them; in their order."""
    pairs: dict[str, str] = {}
    for pair in query.split("&"):
        if pair:
            key, _, value = pair.replace("+", " ").partition("=")
            pairs.setdefault(_decoded(key, name), _decoded(value, name))
    return [word for pair in pairs.items() for word in pair]


def _decoded(text: str, name: str) -> str:
    head, *rest = text.split("%")
    parts = [os.fsencode(head)]
    for part in rest:
        if len(part) < 2 or any(digit not in "0123456789abcdefABCDEF" for digit in part[:2]):
            raise InvalidArgument(f"{name!r} is not URL encoded")
        parts.append(bytes.fromhex(part[:2]) + os.fsencode(part[2:]))
    decoded = b"".join(parts)
    if b"\0" in decoded:
        raise InvalidArgument(f"{name!r} holds a NUL")
    return os.fsdecode(decoded)
