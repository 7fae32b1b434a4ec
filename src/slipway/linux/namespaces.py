"""The kernel's namespaces: kinds, leaving and joining."""

import os

from slipway.linux.libc import libc_call
from slipway.linux.namespace_flags import FILES


def unshare(flags: int) -> None:
    """Leave the named namespaces for new ones. CLONE_NEWPID counts from the next fork on."""
    libc_call("unshare", flags, what="unshare namespaces")


def join(descriptor: int, flags: int) -> None:
    """Enter by a namespace file (one flag), or by a pidfd (several at once, Linux 5.8)."""
    libc_call("setns", descriptor, flags, what="setns")


def join_path(path: str, flag: int) -> None:
    """Enter the namespace of a kind that a file (bind mount or /proc/PID/ns/KIND) stands for."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        libc_call("setns", descriptor, flag, what=path)
    finally:
        os.close(descriptor)


def path_of(pid: int, flag: int) -> str:
    return f"/proc/{pid}/ns/{FILES[flag]}"
