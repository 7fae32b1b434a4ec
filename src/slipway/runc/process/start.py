"""Letting a created container's init go on, by opening the fifo that it waits at."""

import os
import select

from slipway.base.errors import FailedPrecondition, InternalError
from slipway.linux import processes
from slipway.runc.process.end import kill_and_wait
from slipway.runc.process.hooks import hooks_from_json, oci_state, run_hooks
from slipway.runc.state import lifecycle
from slipway.runc.state.model import ContainerState
from slipway.runc.state.status import current_status
from slipway.runc.state.store import StateStore


def check_startable(store: StateStore, state: ContainerState) -> None:
    """Raises FailedPrecondition unless the container waits for `start`."""
    lifecycle.check("start", state.id, current_status(store, state))


def start_container(store: StateStore, state: ContainerState) -> None:
    """Returns when init has left the fifo and goes to execute the program; with poststart hooks, has executed it.

    Raises FailedPrecondition; InternalError with what init says that cannot go on. `run_poststart_hooks` is next.
    """
    check_startable(store, state)
    path = store.fifo(state.id)
    try:
        pidfd = processes.open_process(state.pid, state.start)
    except ProcessLookupError:
        raise FailedPrecondition("container process is already dead") from None
    try:
        _open_the_gate(path, pidfd, until_executed=bool(state.poststart_hooks))
    finally:
        os.close(pidfd)
    os.unlink(path)


def run_poststart_hooks(state: ContainerState) -> None:
    """Nobody may hold the container's lock: a hook may use runc. Raises InternalError if one fails, and then the
    container is stopped."""
    hooks = hooks_from_json(state.poststart_hooks)
    if hooks:
        document = oci_state(state.id, "running", state.pid, state.bundle, state.annotations)
        try:
            run_hooks("poststart", hooks, document)
        except InternalError:
            kill_and_wait(state)
            raise


def _open_the_gate(path: str, pidfd: int, *, until_executed: bool) -> None:
    """Opening without blocking lets the writer in; its one byte, the reason why not, or its death, ends the wait.

    `until_executed` waits until nobody has the fifo open for writing: init has executed its program, or is dead.
    """
    fifo = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        poll = select.poll()
        poll.register(fifo, select.POLLIN)
        poll.register(pidfd, select.POLLIN)
        poll.poll()
        try:
            word = os.read(fifo, select.PIPE_BUF)
        except BlockingIOError:
            word = b""
        if until_executed and word == b"0":
            poll.unregister(pidfd)
            poll.poll()
    finally:
        os.close(fifo)
    if not word:
        raise FailedPrecondition("container process is already dead")
    if word != b"0":
        raise InternalError(word.decode("utf-8", "replace"))
