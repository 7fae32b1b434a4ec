"""fork(2) with an argument that Python's own has not: the control group in which the child is born."""

import os
import struct

from slipway.linux import signals, syscalls
from slipway.linux.libc import forking_call

_CLONE_INTO_CGROUP = 0x200000000
# struct clone_args: flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size,
# cgroup (clone(2)).
_ARGUMENTS = struct.Struct("=11Q")


def fork_into_group(group: str) -> int:
    """Fork a child that is born in the v2 group at path `group`: its pid here, 0 in the child.

    Moving a process makes the kernel wait for an RCU grace period, 5 ms and more; being born there does not. Goes past
    Python's own preparations for a fork, so only for a process of one thread. Raises OSError: ENOSYS before Linux 5.3
    or under a filter, EINVAL or E2BIG before 5.7, EBUSY for a group whose children have controllers.
    """
    directory = os.open(group, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        arguments = _ARGUMENTS.pack(_CLONE_INTO_CGROUP, 0, 0, 0, signals.NUMBERS["CHLD"], 0, 0, 0, 0, 0, directory)
        return forking_call(syscalls.CLONE3, arguments, len(arguments), what=f"clone into {group}")
    finally:
        os.close(directory)
