"""What every command is given."""

import os

from slipway.base.errors import InvalidArgument
from slipway.runc.report import Log
from slipway.runc.state.store import StateStore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.runc.process.stage import Stage


class Context:
    """The states, the log, whether groups are systemd's, what --rootless says.

    `given`: the descriptors that our caller left open, if the command line is about them. `stage`: of a rehearsal.
    """

    __slots__ = ("given", "log", "rootless", "stage", "store", "systemd_cgroup")

    def __init__(self, store: StateStore, log: Log, systemd_cgroup: bool) -> None:
        self.store = store
        self.log = log
        self.systemd_cgroup = systemd_cgroup
        self.rootless = "auto"
        self.given: frozenset[int] = frozenset()
        self.stage: Stage | None = None


def check_preserved(given: frozenset[int], passed: int, count: int) -> None:
    """`count` descriptors behind stdio and `passed` ones must be our caller's. Raises InvalidArgument."""
    for index in range(count):
        if 3 + passed + index not in given:
            raise InvalidArgument(f"unable to stat preserved-fd {index} (of {count}): no such file or directory")


def write_output(text: str) -> None:
    """All of it to standard output, past any buffer: the process may end by `os._exit`."""
    view = memoryview(text.encode("utf-8", "surrogateescape"))
    while view:
        view = view[os.write(1, view) :]
