"""prctl(2) and its neighbours: what a process says about itself."""

import os
import struct

from slipway.linux import syscalls
from slipway.linux.libc import libc_call, output_buffer, system_call

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_KEEPCAPS = 8
_PR_SET_NAME = 15
_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_CHILD_SUBREAPER = 36
_PR_SCHED_CORE, _PR_SCHED_CORE_CREATE, _PR_SCHED_CORE_THREAD_GROUP = 62, 1, 1

_KEYCTL_JOIN_SESSION_KEYRING = 1
_KEYCTL_SETPERM = 5
_KEYCTL_DESCRIBE = 6

_IOPRIO_WHO_PROCESS = 1
_IOPRIO_CLASS_SHIFT = 13


def set_dumpable(dumpable: bool) -> None:
    """Not dumpable: no process of less privilege may trace us, or open our descriptors and our program file."""
    libc_call("prctl", _PR_SET_DUMPABLE, int(dumpable), 0, 0, 0, what="prctl PR_SET_DUMPABLE")


def set_keep_capabilities(keep: bool) -> None:
    libc_call("prctl", _PR_SET_KEEPCAPS, int(keep), 0, 0, 0, what="prctl PR_SET_KEEPCAPS")


def set_no_new_privileges() -> None:
    libc_call("prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, what="prctl PR_SET_NO_NEW_PRIVS")


def set_child_subreaper(on: bool) -> None:
    libc_call("prctl", _PR_SET_CHILD_SUBREAPER, int(on), 0, 0, 0, what="prctl PR_SET_CHILD_SUBREAPER")


def set_parent_death_signal(number: int) -> None:
    libc_call("prctl", _PR_SET_PDEATHSIG, number, 0, 0, 0, what="prctl PR_SET_PDEATHSIG")


def leave_shared_cores() -> None:
    """Share a core's threads with nobody but our own children from now on (admin-guide/hw-vuln/core-scheduling.rst)."""
    libc_call(
        "prctl", _PR_SCHED_CORE, _PR_SCHED_CORE_CREATE, 0, _PR_SCHED_CORE_THREAD_GROUP, 0, what="prctl PR_SCHED_CORE"
    )


def set_process_name(name: str) -> None:
    """What `ps -o comm` shows: 15 bytes."""
    libc_call("prctl", _PR_SET_NAME, os.fsencode(name)[:15], 0, 0, 0, what="prctl PR_SET_NAME")


def set_hostname(name: str) -> None:
    encoded = os.fsencode(name)
    libc_call("sethostname", encoded, len(encoded), what="sethostname")


def set_domainname(name: str) -> None:
    encoded = os.fsencode(name)
    libc_call("setdomainname", encoded, len(encoded), what="setdomainname")


def set_personality(persona: int) -> None:
    libc_call("personality", persona, what="personality")


def set_io_priority(level: int, data: int) -> None:
    """ioprio_set(2) for this process: scheduling class and priority in it."""
    system_call(
        syscalls.IOPRIO_SET,
        _IOPRIO_WHO_PROCESS,
        0,
        level << _IOPRIO_CLASS_SHIFT | data,
        what="failed to set io priority",
    )


def set_scheduler(policy: int, flags: int, nice: int, priority: int, runtime: int, deadline: int, period: int) -> None:
    """sched_setattr(2) for this process; times in nanoseconds."""
    # Of 56 bytes, with utilization clamps of 0: the flags for clamps need the fields (linux/sched/types.h).
    attributes = struct.pack("=IIQiIQQQII", 56, policy, flags, nice, priority, runtime, deadline, period, 0, 0)
    system_call(syscalls.SCHED_SETATTR, 0, attributes, 0, what="error setting scheduler")


def join_session_keyring(name: str) -> int:
    """Leave the inherited session keyring for the one of this name; return its serial number."""
    return system_call(syscalls.KEYCTL, _KEYCTL_JOIN_SESSION_KEYRING, os.fsencode(name), what="join session keyring")


def add_keyring_permissions(keyring: int, permissions: int) -> None:
    """Add to a key's permission mask (keyctl(2) KEYCTL_SETPERM)."""
    description = output_buffer(256)
    length = system_call(syscalls.KEYCTL, _KEYCTL_DESCRIBE, keyring, description, 256, what="describe key")
    fields = description.raw[: length - 1].split(b";")  # type;uid;gid;permissions in hexadecimal;description
    mask = int(fields[3], 16) | permissions
    system_call(syscalls.KEYCTL, _KEYCTL_SETPERM, keyring, mask, what="set key permissions")
