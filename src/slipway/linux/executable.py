"""Run this interpreter from a read-only clone of its file, so that no container can write the host's copy.

CVE-2019-5736: a container can reach /proc/PID/exe of a process that joins it. A clone of the file's mount that is read-only
and attached nowhere answers every write with EROFS, also through a handle that outlives the process.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import NoReturn


def is_readonly() -> bool:
    """Whether /proc/self/exe lies on a read-only mount."""
    raise NotImplementedError


def execute_readonly(argv: "Sequence[str]", environment: "Mapping[str, str]") -> "NoReturn":
    """Replace this process by the same interpreter run from a read-only, detached clone. Raises OSError.

    `argv[0]` should be the interpreter's path as it was called: Python finds its library by it.
    """
    raise NotImplementedError
