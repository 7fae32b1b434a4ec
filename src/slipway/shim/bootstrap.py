"""The beginning and the end of a shim: its socket, its settings, and what is cleaned up after one that died."""

from __future__ import annotations

import os
import time

from slipway.base.errors import EngineError
from slipway.clients.runc.program import executed
from slipway.clients.runc.runtime import Runtime
from slipway.contracts.shim_api.messages import DeleteResponse
from slipway.contracts.shim_api.options import Options
from slipway.linux import cgroups
from slipway.shim.bundle import read_options, read_pid, read_socket_path, runtime_root, write_address
from slipway.shim.command_line import CommandLine
from slipway.shim.grouping import bind_or_join, group_of, remove_dead
from slipway.shim.rootfs import unmount_rootfs
from slipway.shim.socket_address import Bound, listen, new_socket_path
from slipway.transport.plain.children import Children
from slipway.transport.plain.loop import Loop
from slipway.wire.protobuf_known import timestamp_from_nanoseconds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from slipway.clients.runc.program import Program

PROGRAM = "containerd-shim-runc-v2"
KILLED = 128 + 9
"""The exit status of a container that nobody watched when it ended."""


def bind(bundle: str, containerd: str, namespace: str, id: str) -> Bound:
    """A new socket beside containerd's own, named in the bundle; for a container of a group, that of the group.

    Raises EngineError or OSError; then none is left.
    """
    group = group_of(bundle)
    if group:
        return bind_or_join(bundle, containerd, namespace, group, id)
    path = new_socket_path(containerd)
    bound = Bound(path, listen(path))
    try:
        write_address(bundle, bound.address)
    except OSError:
        bound.close()
        raise
    return bound


def settle(options: Options, process: int, *, parent: int) -> None:
    """What is set about a new shim, or whoever acts for it: its cgroup, and an OOM score above that of `parent`."""
    if options.shim_cgroup:
        join_cgroup(options.shim_cgroup, process)
    raise_oom_score(process, parent)


def join_cgroup(path: str, process: int) -> None:
    """Move a process into the group `path` of every hierarchy. Raises EngineError."""
    points = cgroups.discover().points
    for mount_point in set(points.values()):
        group = f"{mount_point}/{path.strip('/')}"
        try:
            cgroups.make(group)
            if mount_point == points.get("cpuset"):
                cgroups.fill_cpuset(group)
            cgroups.add_process(group, process)
        except OSError as error:
            raise EngineError(f"join shim cgroup {group}: {error.strerror}") from error


def raise_oom_score(process: int, parent: int) -> None:
    """The kernel kills a shim before containerd: one more than its score, unless that is the highest (proc(5))."""
    try:
        with open(f"/proc/{parent}/oom_score_adj", "rb") as file:
            score = int(file.read())
        with open(f"/proc/{process}/oom_score_adj", "wb") as file:
            file.write(b"%d" % min(score + 1, 1000))
    except OSError:
        return  # lowering it again is not ours to do, and raising it is a courtesy


def delete_dead(line: CommandLine, bundle: str, default_runtime: Callable[[], Program]) -> DeleteResponse:
    """Kill and delete what a shim that is gone left of its container. Safe to repeat. Raises EngineError.

    The process ends soon: its children and signal handling are not put back.
    """
    try:
        if os.path.exists(f"{bundle}/options.json"):
            _delete_container(line, bundle, default_runtime)
    finally:
        unmount_rootfs(f"{bundle}/rootfs")
        remove_dead(read_socket_path(bundle))
    try:
        pid = read_pid(f"{bundle}/init.pid")
    except EngineError:
        pid = 0
    return DeleteResponse(pid=pid, exit_status=KILLED, exited_at=timestamp_from_nanoseconds(time.time_ns()))


def _delete_container(line: CommandLine, bundle: str, default_runtime: Callable[[], Program]) -> None:
    options = read_options(bundle)
    loop = Loop()
    loop.open()
    children = Children(loop)
    children.open()
    runtime = Runtime(
        loop,
        children,
        executed(options.binary_name) if options.binary_name else default_runtime(),
        root=runtime_root(options, line.namespace),
        log=f"{bundle}/log.json",
        systemd_cgroup=options.systemd_cgroup,
    )
    loop.run_until(loop.spawn(runtime.delete(line.id, force=True)))
