"""Having the runtime make a container's init, and becoming its parent."""

from __future__ import annotations

import os

from slipway.base.errors import EngineError, FailedPrecondition
from slipway.shim.bundle import disk_folder, read_pid
from slipway.shim.cgroup_folders import folders_of
from slipway.shim.model import Container
from slipway.shim.shim import Shim

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Make = Callable[[tuple[int, int, int], list[str]], Awaitable[None]]


async def create_init(shim: Shim, container: Container) -> None:
    """A new one, which waits for its start."""

    async def make(stdio: tuple[int, int, int], flags: list[str]) -> None:
        if container.options.no_new_keyring:
            flags.append("--no-new-keyring")
        await container.runtime.create(container.id, container.bundle, stdio, flags)

    await _become_parent(shim, container, make)


async def restore_init(shim: Shim, container: Container) -> None:
    """One that was saved, and goes on at once. A container whose restore has failed can only be deleted."""

    async def make(stdio: tuple[int, int, int], flags: list[str]) -> None:
        work = container.options.criu_work_path or f"{disk_folder(container.bundle)}/criu-work"
        flags += ["--image-path", container.checkpoint, "--work-path", work]
        await container.runtime.restore(container.id, container.bundle, stdio, flags)

    await _become_parent(shim, container, make)


async def _undo(container: Container, pid_file: str, error: BaseException) -> None:
    """The runtime had made the container when something else failed, its terminal's streams say."""
    if not os.path.exists(pid_file):
        return
    try:
        await container.runtime.delete(container.id, force=True)
    except EngineError as undo:
        error.add_note(str(undo))


async def _become_parent(shim: Shim, container: Container, make: Make) -> None:
    """`make` runs the runtime with the init's stdio and flags. After a failure the streams are closed."""
    init, streams = container.init, container.init.streams
    if streams is None:
        raise FailedPrecondition(f"container {container.id} could not be made before, and has no streams any more")
    pid_file = f"{container.bundle}/init.pid"
    flags = ["--pid-file", pid_file, *streams.flags]
    if container.options.no_pivot_root:
        flags.append("--no-pivot")
    shim.children.expect_strangers()
    streams.relieve_runtime()
    try:
        await make(streams.child, flags)
        await streams.started()
        init.pid = read_pid(pid_file)
        exited = shim.children.wait(init.pid)
    except BaseException as error:
        streams.close()
        init.streams = None
        await _undo(container, pid_file, error)
        raise
    finally:
        shim.children.forget_strangers()
    container.cgroups = folders_of(init.pid)
    shim.loop.spawn(shim.supervise(container, init, exited))
