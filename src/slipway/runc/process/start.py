"""Letting a created container's init go on, by opening the fifo that it waits at."""

import os
import select

from slipway.base.errors import FailedPrecondition
from slipway.linux import processes
from slipway.runc.process.hooks import hooks_from_json, oci_state, run_hooks
from slipway.runc.state import lifecycle
from slipway.runc.state.model import ContainerState
from slipway.runc.state.status import current_status
from slipway.runc.state.store import StateStore


def start_container(store: StateStore, state: ContainerState) -> None:
    """Returns when init has left the fifo and goes to execute the program. Raises FailedPrecondition."""
    lifecycle.check("start", state.id, current_status(store, state))
    path = store.fifo(state.id)
    try:
        pidfd = processes.open_process(state.pid, state.start)
    except ProcessLookupError:
        raise FailedPrecondition("container process is already dead") from None
    try:
        _open_the_gate(path, pidfd)
    finally:
        os.close(pidfd)
    os.unlink(path)
    hooks = hooks_from_json(state.poststart_hooks)
    if hooks:
        run_hooks("poststart", hooks, oci_state(state.id, "running", state.pid, state.bundle, state.annotations))


def _open_the_gate(path: str, pidfd: int) -> None:
    """Opening without blocking lets the writer in; its one byte, or its death, ends the wait."""
    fifo = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        poll = select.poll()
        poll.register(fifo, select.POLLIN)
        poll.register(pidfd, select.POLLIN)
        poll.poll()
        try:
            gone = os.read(fifo, 1) != b"0"
        except BlockingIOError:
            gone = True
    finally:
        os.close(fifo)
    if gone:
        raise FailedPrecondition("container process is already dead")
