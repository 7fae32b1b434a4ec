"""The limit of open descriptors: a process raises its own, and gives its children what it had itself.

Programs rely on a soft limit of 1,024 where it is one (select(2), loops that close everything up to it). So do Go's
runtime and os/exec, and with them the originals. Source: getrlimit(2).
"""

from __future__ import annotations

import resource


class DescriptorLimit:
    """Remembers what this process was started with."""

    __slots__ = ("_had",)

    def __init__(self) -> None:
        self._had = resource.getrlimit(resource.RLIMIT_NOFILE)

    def lift(self) -> None:
        """Raise our soft limit to the hard one. Idempotent."""
        soft, hard = self._had
        if soft != hard:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    def give_back(self) -> None:
        """In a child, before it becomes another program: the limit as it was."""
        resource.setrlimit(resource.RLIMIT_NOFILE, self._had)
