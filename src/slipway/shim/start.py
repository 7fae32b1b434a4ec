"""Start: let the created init run its program, or have the runtime run an added exec."""

from __future__ import annotations

import os

from slipway.base.errors import EngineError, FailedPrecondition, InvalidArgument, NotFound
from slipway.base.files import unlink_if_present
from slipway.contracts.shim_api import events
from slipway.shim.bundle import exec_pid_file, read_pid, write_process
from slipway.shim.init import restore_init
from slipway.shim.model import Container, Process
from slipway.shim.oom import watch_memory
from slipway.shim.shim import Shim


async def start(shim: Shim, container: Container, exec_id: str) -> Process:
    """The process, running (or ended already). Its start is told before its exit, however short it lives."""
    process = container.process(exec_id)
    process.check("start")
    if process.start_told is not None:
        raise FailedPrecondition("cannot start a process that is being started")
    told = process.start_told = shim.loop.future()
    try:
        if exec_id:
            await _start_exec(shim, container, process)
        else:
            await _start_init(shim, container)
    finally:
        told.resolve()
        process.start_told = None
    return process


async def _start_init(shim: Shim, container: Container) -> None:
    if container.checkpoint:
        await restore_init(shim, container)
    else:
        await container.runtime.start(container.id)
    container.init.becomes("start")
    shim.publisher.publish(events.TaskStart(container_id=container.id, pid=container.init.pid))
    watch_memory(shim, container)


async def _start_exec(shim: Shim, container: Container, process: Process) -> None:
    container.check_init_alive()
    streams = process.streams = await shim.streams.open(
        container.id, process.stdio, container.bundle, container.io_owner
    )
    pid_file = exec_pid_file(container.bundle, process.exec_id)
    process_file = write_process(container.bundle, process.exec_id, process.spec, terminal=process.stdio.terminal)
    shim.children.expect_strangers()
    try:
        await container.runtime.exec(
            container.id, process_file, streams.child, ["--pid-file", pid_file, *streams.flags]
        )
        await streams.started()
        process.pid = read_pid(pid_file)
        exited = shim.children.wait(process.pid)
    except BaseException:
        streams.close()
        _kill_unanswered(shim, pid_file)
        raise
    finally:
        unlink_if_present(process_file)
        shim.children.forget_strangers()
    process.becomes("start")
    shim.publisher.publish(events.TaskExecStarted(container_id=container.id, exec_id=process.exec_id, pid=process.pid))
    shim.loop.spawn(shim.supervise(container, process, exited))


def _kill_unanswered(shim: Shim, pid_file: str) -> None:
    """The runtime was killed after it had made the process: nobody would know of that."""
    try:
        pid = read_pid(pid_file)
    except EngineError:
        return
    unlink_if_present(pid_file)
    if shim.children.wait(pid).done:
        return
    try:
        os.kill(pid, 9)
    except ProcessLookupError:  # its end is on its way to us
        return


def signal_exec(process: Process, number: int) -> None:
    """Signal an exec. It is not mistaken: its number is free after we reaped it, or the heir, who tells at once."""
    if process.is_stopped:
        raise NotFound("process already finished: not found")
    if not process.pid:
        raise FailedPrecondition("process not created: failed precondition")
    try:
        os.kill(process.pid, number)
    except ProcessLookupError:
        raise NotFound("process already finished: not found") from None
    except OSError as error:
        raise InvalidArgument(f"signal {number} to process {process.pid}: {error.strerror}") from error
