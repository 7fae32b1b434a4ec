"""The kernel's namespaces: kinds, leaving and joining."""

import os

from slipway.linux.libc import libc_call

CLONE_NEWTIME = 0x00000080
CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

# The name of a kind's file in /proc/PID/ns.
FILES = {
    CLONE_NEWUSER: "user",
    CLONE_NEWCGROUP: "cgroup",
    CLONE_NEWIPC: "ipc",
    CLONE_NEWUTS: "uts",
    CLONE_NEWNET: "net",
    CLONE_NEWPID: "pid",
    CLONE_NEWTIME: "time",
    CLONE_NEWNS: "mnt",
}


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
