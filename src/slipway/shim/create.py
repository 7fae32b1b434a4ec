"""Create: mount the root file system, and have the runtime make the container, unless it comes from a checkpoint."""

from __future__ import annotations

from slipway.base.errors import AlreadyExists, EngineError, NotImplementedByEngine, Unavailable
from slipway.base.identifiers import check_identifier
from slipway.clients.runc.runtime import Runtime
from slipway.contracts.shim_api import events
from slipway.contracts.shim_api.messages import CreateTaskRequest
from slipway.contracts.shim_api.options import Options
from slipway.shim.bundle import options_from_any, write_options
from slipway.shim.init import create_init
from slipway.shim.model import Container, Process, StdioNames
from slipway.shim.rootfs import mount_rootfs, unmount_rootfs
from slipway.shim.shim import Shim


async def create(shim: Shim, request: CreateTaskRequest) -> Container:
    """The new container, created and not started; one from a checkpoint has no process before its start.

    After a failure nothing of it is left but files in the bundle.
    """
    check_identifier(request.id, "container id")
    if shim.is_ending:
        raise Unavailable(f"create container {request.id}: its shim is ending")
    if request.id in shim.containers:
        raise AlreadyExists(f"container {request.id} is there already")
    if request.parent_checkpoint:
        raise NotImplementedByEngine("restore from a checkpoint with a parent is not implemented")
    options = options_from_any(request.options)
    runtime = shim.runtime(request.bundle, options)
    write_options(request.bundle, options)  # from here on, there may be something for `delete` to clean up
    rootfs = mount_rootfs(request.bundle, request.rootfs)
    try:
        container = _container(shim, request, options, runtime, rootfs)
        shim.containers[request.id] = container
        shim.expected.discard(request.id)
        try:
            init = container.init
            init.streams = await shim.streams.open(request.id, init.stdio, request.bundle, container.io_owner)
            if not request.checkpoint:
                await create_init(shim, container)
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


def _container(shim: Shim, request: CreateTaskRequest, options: Options, runtime: Runtime, rootfs: str) -> Container:
    names = StdioNames(request.stdin, request.stdout, request.stderr, terminal=request.terminal)
    init = Process("", names, shim.loop.future())
    container = Container(
        request.id,
        request.bundle,
        runtime,
        init,
        rootfs,
        (options.io_uid, options.io_gid),
        options,
    )
    container.checkpoint = request.checkpoint
    return container


def _event(request: CreateTaskRequest, container: Container) -> events.TaskCreate:
    return events.TaskCreate(
        container_id=request.id,
        bundle=request.bundle,
        rootfs=request.rootfs,
        io=events.TaskIO(stdin=request.stdin, stdout=request.stdout, stderr=request.stderr, terminal=request.terminal),
        checkpoint=request.checkpoint,
        pid=container.init.pid,
    )
