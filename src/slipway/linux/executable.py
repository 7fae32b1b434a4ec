"""Run this interpreter from a read-only clone of its file, so that no container can write the host's copy.

CVE-2019-5736: a container can reach /proc/PID/exe of a process that joins it. A clone of the file's mount that is
read-only and attached nowhere answers every write with EROFS, also through a handle that outlives the process.
"""

import os

from slipway.linux import mounts
from slipway.linux.mount_flags import MOUNT_ATTR_RDONLY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import NoReturn

_OWN_FILE = "/proc/self/exe"


def is_readonly() -> bool:
    """Whether /proc/self/exe lies on a read-only mount."""
    descriptor = os.open(_OWN_FILE, os.O_PATH | os.O_CLOEXEC)
    try:
        return bool(os.fstatvfs(descriptor).f_flag & os.ST_RDONLY)
    finally:
        os.close(descriptor)


def execute_readonly(argv: list[str], environment: "Mapping[str, str]") -> "NoReturn":
    """Replace this process by the same interpreter run from a read-only, detached clone. Raises OSError.

    `argv[0]` should be the interpreter's path as it was called: Python finds its library by it.
    """
    clone = mounts.clone_path(_OWN_FILE, recursive=False)
    try:
        mounts.set_attributes(clone, add=MOUNT_ATTR_RDONLY)
        # open_tree gives an O_PATH descriptor, which fexecve (execveat with AT_EMPTY_PATH) takes.
        os.execve(clone, argv, environment)
    finally:
        os.close(clone)
