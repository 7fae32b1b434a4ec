"""One fork, into another PID namespace and into a control group, after which this process is as it was."""

import os

from slipway.linux import cgroups, namespaces
from slipway.linux.fork import fork_into_group
from slipway.linux.namespace_flags import CLONE_NEWPID

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn


def fork_into(group: str, enter_pid_namespace: "Callable[[], None] | None", child: "Callable[[], NoReturn]") -> int:
    """Fork; run `child` there, which never returns; return its pid here.

    `group` is a v2 group, or "". `enter_pid_namespace` unshares or joins one: only children are born into it
    (pid_namespaces(7)), so the caller goes back at once and its later children (hooks) stay outside.
    """
    if enter_pid_namespace is None:
        return _fork(group, child)
    own = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
    try:
        enter_pid_namespace()
        try:
            return _fork(group, child)
        finally:
            namespaces.join(own, CLONE_NEWPID)
    finally:
        os.close(own)


def _fork(group: str, child: "Callable[[], NoReturn]") -> int:
    born = True
    try:
        pid = fork_into_group(group) if group else os.fork()
    except OSError:  # an old kernel, or a filter; a group that takes nobody says so again below
        born = False
        pid = os.fork()
    if pid == 0:
        try:
            child()
        finally:
            os._exit(255)
    if not born:
        _move(pid, group)
    return pid


def _move(pid: int, group: str) -> None:
    try:
        cgroups.add_process(group, pid)
    except ProcessLookupError:
        return  # it has failed already, and says why
    except OSError:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        raise
