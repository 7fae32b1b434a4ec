"""One fork, into another PID namespace if asked, after which this process is as it was."""

import os

from slipway.linux import namespaces
from slipway.linux.namespace_flags import CLONE_NEWPID

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn


def fork_into(enter_pid_namespace: "Callable[[], None] | None", child: "Callable[[], NoReturn]") -> int:
    """Fork; run `child` there, which never returns; return its pid here.

    `enter_pid_namespace` unshares or joins one: only children are born into it (pid_namespaces(7)), so the caller goes
    back at once and its later children (hooks) stay outside.
    """
    if enter_pid_namespace is None:
        return _fork(child)
    own = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
    try:
        enter_pid_namespace()
        try:
            return _fork(child)
        finally:
            namespaces.join(own, CLONE_NEWPID)
    finally:
        os.close(own)


def _fork(child: "Callable[[], NoReturn]") -> int:
    pid = os.fork()
    if pid == 0:
        try:
            child()
        finally:
            os._exit(255)
    return pid
