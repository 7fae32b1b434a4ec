"""What every command is given."""

import os

from slipway.runc.report import Log
from slipway.runc.state.store import StateStore


class Context:
    """The states, the log, and whether groups are systemd's."""

    __slots__ = ("log", "store", "systemd_cgroup")

    def __init__(self, store: StateStore, log: Log, systemd_cgroup: bool) -> None:
        self.store = store
        self.log = log
        self.systemd_cgroup = systemd_cgroup


def write_output(text: str) -> None:
    """All of it to standard output, past any buffer: the process may end by `os._exit`."""
    view = memoryview(text.encode("utf-8", "surrogateescape"))
    while view:
        view = view[os.write(1, view) :]
