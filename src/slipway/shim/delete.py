"""Delete: give up the streams of an ended process, and for init the container itself."""

from __future__ import annotations

from slipway.base.files import unlink_if_present
from slipway.contracts.shim_api import events
from slipway.shim.bundle import exec_pid_file
from slipway.shim.model import Container, Process
from slipway.shim.rootfs import unmount_rootfs
from slipway.shim.shim import Shim
from slipway.wire.protobuf_known import timestamp_from_nanoseconds

DRAIN = 10.0
"""Seconds that a reader may take for the last output, as with the original."""


async def delete(shim: Shim, container: Container, exec_id: str) -> Process:
    """The deleted process, which may not be running. Output that nobody reads is lost with it."""
    process = container.process(exec_id)
    process.check("delete")
    if exec_id:
        if process.streams is not None:
            await process.streams.drain(DRAIN)
        _forget_exec(container, process)
    else:
        await _delete_container(shim, container)
    return process


def _forget_exec(container: Container, process: Process) -> None:
    if process.streams is not None:
        process.streams.close()
    unlink_if_present(exec_pid_file(container.bundle, process.exec_id))
    process.becomes("delete")
    del container.execs[process.exec_id]


def _tell_if_last(shim: Shim) -> None:
    if len(shim.containers) == 1 and not shim.is_shared and shim.sandbox is None:
        shim.last_container_goes.resolve()


async def _delete_container(shim: Shim, container: Container) -> None:
    init = container.init
    if init.is_stopped:
        _tell_if_last(shim)
    if init.pid:  # else it was to come from a checkpoint, and nothing was started
        await container.runtime.delete(container.id, force=not init.is_stopped)
        await init.exited
    _tell_if_last(shim)
    if init.streams is not None:
        await init.streams.drain(DRAIN)
    for process in (init, *container.execs.values()):
        if process.streams is not None:
            process.streams.close()
    if container.memory is not None:
        container.memory.close()
    unmount_rootfs(container.rootfs)
    init.becomes("delete")
    shim.containers.pop(container.id, None)
    for another in shim.containers.values():
        shim.log.bundle = another.bundle  # this one's goes
    shim.publisher.publish(
        events.TaskDelete(
            container_id=container.id,
            pid=init.pid,
            exit_status=init.exit_status,
            exited_at=timestamp_from_nanoseconds(init.exited_at),
        )
    )
