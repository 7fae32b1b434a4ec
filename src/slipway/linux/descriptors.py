"""Descriptors: closing ranges, checking what they stand for, handing them to another process."""

import _socket
import errno
import os
import struct

from slipway.linux import syscalls
from slipway.linux.libc import libc_call, output_buffer, system_call

PROC_SUPER_MAGIC = 0x9FA0
DEVPTS_SUPER_MAGIC = 0x1CD1
SELINUX_MAGIC = 0xF97CFF8C

_LAST = 0xFFFFFFFF
_CLOSE_RANGE_CLOEXEC = 4


def close_from(first: int) -> None:
    """Close every descriptor from `first` on."""
    system_call(syscalls.CLOSE_RANGE, first, _LAST, 0, what="close_range")


def close_on_exec_from(first: int) -> None:
    """Mark every descriptor from `first` on: none goes on to a program that this process starts."""
    system_call(syscalls.CLOSE_RANGE, first, _LAST, _CLOSE_RANGE_CLOEXEC, what="close_range")


def close_listed(own_proc: int, first: int) -> None:
    """`close_from` without its system call: what is open is read from `own_proc`, this process's folder in procfs."""
    listing = os.open("fd", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=own_proc)
    for descriptor in map(int, os.listdir(listing)):
        if descriptor >= first:
            try:
                os.close(descriptor)
            except OSError as error:
                if error.errno != errno.EBADF:  # the one that os.listdir had, for as long as it read
                    raise


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


def take_from_process(pid: int, number: int) -> int:
    """A duplicate of another process's descriptor (pidfd_getfd(2)); needs the right to trace it. Raises OSError."""
    pidfd = os.pidfd_open(pid)
    try:
        return system_call(syscalls.PIDFD_GETFD, pidfd, number, 0, what=f"take descriptor {number} of process {pid}")
    finally:
        os.close(pidfd)


def connect_unix(path: str) -> int:
    """A connected stream socket's descriptor. Raises OSError naming the path."""
    channel = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
    try:
        channel.connect(path)
    except OSError as error:
        channel.close()
        raise OSError(error.errno, error.strerror, path) from None
    return channel.detach()
