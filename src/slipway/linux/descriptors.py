"""Descriptors: closing ranges, checking what they stand for, handing them to another process."""

import _socket
import struct

from slipway.linux import syscalls
from slipway.linux.libc import libc_call, output_buffer, system_call

PROC_SUPER_MAGIC = 0x9FA0
DEVPTS_SUPER_MAGIC = 0x1CD1

_LAST = 0xFFFFFFFF


def close_from(first: int) -> None:
    """Close every descriptor from `first` on."""
    system_call(syscalls.CLOSE_RANGE, first, _LAST, 0, what="close_range")


def close_all_but(first: int, kept: "list[int]") -> None:
    """Close every descriptor from `first` on, except those kept."""
    for descriptor in sorted(kept):
        if descriptor < first:
            continue
        if first < descriptor:
            system_call(syscalls.CLOSE_RANGE, first, descriptor - 1, 0, what="close_range")
        first = descriptor + 1
    close_from(first)


def file_system_type(descriptor: int) -> int:
    """The magic number of the file system behind a descriptor, O_PATH ones too (fstatfs(2), f_type)."""
    buffer = output_buffer(256)
    libc_call("fstatfs", descriptor, buffer, what="fstatfs")
    magic: int = struct.unpack_from("@l", buffer.raw)[0]
    return magic & 0xFFFFFFFF


def send_descriptor(connection: int, descriptor: int, payload: bytes) -> None:
    """Send one descriptor with a few bytes over a connected unix socket, given by its own descriptor."""
    send_descriptors(connection, [descriptor], payload)


def send_descriptors(connection: int, descriptors: list[int], payload: bytes) -> None:
    """Send at most 253 descriptors (SCM_MAX_FD) with some bytes over a connected unix socket."""
    channel = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM, 0, connection)
    numbers = struct.pack(f"={len(descriptors)}i", *descriptors)
    try:
        channel.sendmsg([payload], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, numbers)])
    finally:
        channel.detach()


def receive_descriptor(connection: int) -> int:
    """Receive one descriptor from a unix socket; -1 if the peer closed it or sent none."""
    descriptors, _ = receive_descriptors(connection, 1, 4096)
    return descriptors[0] if descriptors else -1


def receive_descriptors(connection: int, most: int, size: int) -> tuple[list[int], bytes]:
    """Receive at most `most` descriptors with at most `size` bytes from a unix socket; none and none: it was closed."""
    channel = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM, 0, connection)
    try:
        payload, ancillary, _, _ = channel.recvmsg(size, _socket.CMSG_SPACE(4 * most), _socket.MSG_CMSG_CLOEXEC)
    finally:
        channel.detach()
    for level, kind, data in ancillary:
        if level == _socket.SOL_SOCKET and kind == _socket.SCM_RIGHTS:
            return list(struct.unpack(f"={len(data) // 4}i", data)), payload
    return [], payload


def connect_unix(path: str) -> int:
    """A connected stream socket's descriptor. Raises OSError naming the path."""
    channel = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
    try:
        channel.connect(path)
    except OSError as error:
        channel.close()
        raise OSError(error.errno, error.strerror, path) from None
    return channel.detach()
