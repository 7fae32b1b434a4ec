"""What the child that builds a container holds in its hands: descriptors of the new root and of the host's /proc."""

import os

from slipway.base.errors import FailedPrecondition
from slipway.linux import descriptors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from slipway.runc.plan.operations import BindMount


class Workspace:
    """`proc` and `own_proc` (this process's folder) are of the host's procfs, checked, and stay usable in the new root.

    `root` is the container's `/` (O_PATH); `rootfs` its real path on the host. `late_readonly`: mounts to make
    read-only at the end. `points`, `groups`: the machine's cgroup hierarchies, and the container's group in each.
    `empty`: the mount that masks directories, once there is one. `await_groups`: to be called before the container's
    groups are used; waits for them the first time. `fetch_source`: the tree of a bind mount that this process may not
    open or map itself, from the parent. `binds_devices`: in a user namespace no device node can be made. `own_groups`:
    those of runc's caller, where the container can be without some of its own.
    """

    __slots__ = (
        "await_groups",
        "binds_devices",
        "empty",
        "fetch_source",
        "groups",
        "late_readonly",
        "own_groups",
        "own_proc",
        "points",
        "proc",
        "root",
        "rootfs",
    )

    def __init__(
        self,
        proc: int,
        rootfs: str,
        groups: dict[str, str],
        points: dict[str, str],
        await_groups: "Callable[[], None]",
        fetch_source: "Callable[[BindMount], int]",
    ) -> None:
        self.rootfs = rootfs
        self.groups = groups
        self.points = points
        self.await_groups = await_groups
        self.fetch_source = fetch_source
        self.binds_devices = False
        self.own_groups: dict[str, str] = {}
        self.root = -1
        self.empty = -1
        self.late_readonly: list[int] = []
        self.proc = proc
        self.own_proc = os.open("self", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self.proc)

    def path_of(self, descriptor: int) -> str:
        """Where a descriptor points, as a path of the host."""
        return os.readlink(f"fd/{descriptor}", dir_fd=self.own_proc)


def open_host_proc() -> int:
    """The host's /proc, which must be a procfs. Raises FailedPrecondition."""
    descriptor = os.open("/proc", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    if descriptors.file_system_type(descriptor) != descriptors.PROC_SUPER_MAGIC:
        os.close(descriptor)
        raise FailedPrecondition("/proc of the host is not a procfs")
    return descriptor
