"""Create: mount the root file system, have the runtime make the container, and become its init's parent."""

from __future__ import annotations

from slipway.base.errors import AlreadyExists, EngineError, NotImplementedByEngine
from slipway.base.identifiers import check_identifier
from slipway.contracts.shim_api import events
from slipway.contracts.shim_api.messages import CreateTaskRequest
from slipway.contracts.shim_api.options import Options
from slipway.shim.bundle import options_from_any, read_pid, write_options
from slipway.shim.cgroup_folders import folders_of
from slipway.shim.model import Container, Process, StdioNames
from slipway.shim.rootfs import mount_rootfs, unmount_rootfs
from slipway.shim.shim import Shim


async def create(shim: Shim, request: CreateTaskRequest) -> Container:
    """The new container, created and not started. After a failure nothing of it is left but files in the bundle."""
    check_identifier(request.id, "container id")
    if request.id in shim.containers:
        raise AlreadyExists(f"container {request.id} is there already")
    if request.checkpoint:
        raise NotImplementedByEngine("restore from a checkpoint is not implemented")
    options = options_from_any(request.options)
    write_options(request.bundle, options)
    rootfs = mount_rootfs(request.bundle, request.rootfs)
    try:
        container = _container(shim, request, options, rootfs)
        shim.containers[request.id] = container
        try:
            await _make(shim, container, options)
        except BaseException:
            del shim.containers[request.id]
            raise
    except BaseException as error:
        try:
            unmount_rootfs(rootfs)
        except EngineError as undo:
            error.add_note(str(undo))
        raise
    shim.publisher.publish(_event(request, container))
    return container


def _container(shim: Shim, request: CreateTaskRequest, options: Options, rootfs: str) -> Container:
    names = StdioNames(request.stdin, request.stdout, request.stderr, terminal=request.terminal)
    init = Process("", names, shim.loop.future())
    init.streams = shim.streams.open(request.id, names, request.bundle, (options.io_uid, options.io_gid))
    return Container(
        request.id,
        request.bundle,
        shim.runtime(request.bundle, options),
        init,
        rootfs,
        (options.io_uid, options.io_gid),
        options,
    )


async def _make(shim: Shim, container: Container, options: Options) -> None:
    init = container.init
    streams = init.streams
    assert streams is not None
    pid_file = f"{container.bundle}/init.pid"
    flags = ["--pid-file", pid_file, *streams.flags]
    if options.no_pivot_root:
        flags.append("--no-pivot")
    if options.no_new_keyring:
        flags.append("--no-new-keyring")
    shim.children.expect_strangers()
    streams.relieve_runtime()
    try:
        await container.runtime.create(container.id, container.bundle, streams.child, flags)
        await streams.started()
        init.pid = read_pid(pid_file)
        exited = shim.children.wait(init.pid)
    except BaseException:
        streams.close()
        raise
    finally:
        shim.children.forget_strangers()
    container.cgroups = folders_of(init.pid)
    shim.loop.spawn(shim.supervise(container, init, exited))


def _event(request: CreateTaskRequest, container: Container) -> events.TaskCreate:
    return events.TaskCreate(
        container_id=request.id,
        bundle=request.bundle,
        rootfs=request.rootfs,
        io=events.TaskIO(stdin=request.stdin, stdout=request.stdout, stderr=request.stderr, terminal=request.terminal),
        checkpoint=request.checkpoint,
        pid=container.init.pid,
    )
