"""Which namespaces to leave and which to enter, in what order."""

from slipway.contracts.oci.runtime import Namespace
from slipway.linux import namespace_flags

FLAGS = {
    "user": namespace_flags.CLONE_NEWUSER,
    "cgroup": namespace_flags.CLONE_NEWCGROUP,
    "ipc": namespace_flags.CLONE_NEWIPC,
    "uts": namespace_flags.CLONE_NEWUTS,
    "network": namespace_flags.CLONE_NEWNET,
    "pid": namespace_flags.CLONE_NEWPID,
    "time": namespace_flags.CLONE_NEWTIME,
    "mount": namespace_flags.CLONE_NEWNS,
}


class NamespacePlan:
    """`new`: flags to unshare; `joined`: (flag, path)."""

    __slots__ = ("joined", "new")

    def __init__(self, new: int, joined: list[tuple[int, str]]) -> None:
        self.new = new
        self.joined = joined

    @property
    def all_flags(self) -> int:
        flags = self.new
        for flag, _ in self.joined:
            flags |= flag
        return flags

    @property
    def has_user(self) -> bool:
        """Whether the container has a user namespace of its own, new or joined: most is done inside it then."""
        return bool(self.all_flags & namespace_flags.CLONE_NEWUSER)

    def path_of(self, flag: int) -> str:
        """The path by which a kind is joined; empty if it is not."""
        return next((path for joined, path in self.joined if joined == flag), "")


def plan_namespaces(wanted: list[Namespace]) -> NamespacePlan:
    """A namespace without path is new; a kind that is not named stays the caller's."""
    by_kind = {namespace.kind: namespace.path for namespace in wanted}
    new = 0
    joined = []
    for kind, flag in FLAGS.items():
        if kind not in by_kind:
            continue
        if by_kind[kind]:
            joined.append((flag, by_kind[kind]))
        else:
            new |= flag
    return NamespacePlan(new, joined)
