"""What is said to an unpack worker: one request with its descriptors, an acknowledgement, one reply. JSON, framed."""

import json
import socket
import struct
from typing import Any, Final

from slipway.archive.extract import Whiteouts
from slipway.base.errors import Unavailable

TAKEN: Final = b"!"
DESCRIPTOR_LIMIT: Final = 200  # the kernel takes 253 in one message (SCM_MAX_FD)
_LENGTH: Final = struct.Struct("=I")
_REPLY_LIMIT: Final = 256 << 20  # six characters for a byte that is no text, of what remembered.LIMIT allows twice


def send_request(channel: socket.socket, whiteouts: Whiteouts, descriptors: list[int]) -> None:
    """`descriptors`: the archive, the directory to fill, then the directories of the layers below."""
    data = json.dumps({"whiteouts": whiteouts.value}).encode()
    socket.send_fds(channel, [_LENGTH.pack(len(data)) + data], descriptors)


def receive_request(channel: socket.socket) -> tuple[Whiteouts, list[int]] | None:
    """None when the other side is gone."""
    data, descriptors, _, _ = socket.recv_fds(channel, 4096, DESCRIPTOR_LIMIT)
    if not data:
        return None
    (length,) = _LENGTH.unpack_from(data)
    body = data[_LENGTH.size :]
    body += _receive(channel, length - len(body))
    return Whiteouts(json.loads(body)["whiteouts"]), descriptors


def send_reply(channel: socket.socket, reply: dict[str, Any]) -> None:
    data = json.dumps(reply).encode()
    channel.sendall(_LENGTH.pack(len(data)) + data)


def receive_reply(channel: socket.socket) -> dict[str, Any]:
    """Raises Unavailable when the worker died on the way."""
    (length,) = _LENGTH.unpack(_receive(channel, _LENGTH.size))
    if length > _REPLY_LIMIT:
        raise Unavailable("unpack: the worker's reply is too large")
    reply: dict[str, Any] = json.loads(_receive(channel, length))
    return reply


def _receive(channel: socket.socket, length: int) -> bytes:
    parts = []
    while length > 0:
        part = channel.recv(min(length, 1 << 20))
        if not part:
            raise Unavailable("unpack: the worker died")
        parts.append(part)
        length -= len(part)
    return b"".join(parts)
