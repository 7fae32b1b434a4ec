"""The scope of a call: whose objects it sees, and what keeps the objects it makes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scope:
    """The namespace of a call (header `containerd-namespace`) and its lease (`containerd-lease`; empty: none).

    Both are checked by pattern before a Scope is built, so that either may become part of a path.
    """

    namespace: str
    lease: str = ""
