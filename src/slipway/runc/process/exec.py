"""Starting a further process in a running container: the parent's side."""

import os

from slipway.base.errors import EngineError, FailedPrecondition, InternalError
from slipway.base.files import write_atomically
from slipway.contracts.oci.runtime import Process
from slipway.linux import cgroups, namespaces, prctl, processes
from slipway.linux.namespace_flags import CLONE_NEWPID
from slipway.runc.confine import cgroups as confine_cgroups
from slipway.runc.confine import limits
from slipway.runc.confine.seccomp import Filter
from slipway.runc.process import handshake
from slipway.runc.process.end import KILL
from slipway.runc.process.forking import fork_into
from slipway.runc.process.handshake import Channel, channel_pair
from slipway.runc.process.join import JoinRequest, run_join
from slipway.runc.process.prepare import confine_process
from slipway.runc.report import words_of
from slipway.runc.state import lifecycle
from slipway.runc.state.model import ContainerState
from slipway.runc.state.status import current_status
from slipway.runc.state.store import StateStore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn


class ExecOptions:
    """What the command line says about the process. `console` is a connected socket, or -1."""

    __slots__ = ("console", "ignore_paused", "pid_file", "preserved")

    def __init__(self) -> None:
        self.console = -1
        self.ignore_paused = False
        self.pid_file = ""
        self.preserved = 0


def exec_process(store: StateStore, state: ContainerState, process: Process, options: ExecOptions) -> int:
    """Start it; its pid, a child of this process. Raises EngineError or OSError, and then no process is left."""
    verb = "exec --ignore-paused" if options.ignore_paused else "exec"
    lifecycle.check(verb, state.id, current_status(store, state))
    chosen = None
    if state.seccomp_flags is not None:
        chosen = Filter(store.load_filter(state.id), state.seccomp_flags)
    confinement = confine_process(process, chosen, options.preserved)
    try:
        target = processes.open_process(state.pid, state.start)
    except ProcessLookupError:
        raise FailedPrecondition("cannot exec in a stopped container") from None
    request = JoinRequest(state.id, target, state.namespaces, state.groups, confinement)
    request.console = options.console
    request.keyring = state.keyring
    try:
        pid = _start(state, request)
    except OSError as error:
        raise InternalError(f"unable to start container process: {words_of(error)}") from error
    except EngineError as error:
        raise InternalError(f"unable to start container process: {error}") from error
    finally:
        os.close(target)
    if options.pid_file:
        write_atomically(options.pid_file, str(pid).encode(), mode=0o644, durable=False)
    return pid


def _start(state: ContainerState, request: JoinRequest) -> int:
    ours, theirs = channel_pair()
    # Before any process of ours is seen in the container: nobody there may trace it or open its files (CVE-2016-9962).
    prctl.set_dumpable(False)

    def child() -> "NoReturn":
        ours.close()
        run_join(request, theirs)

    enter = None
    if request.flags & CLONE_NEWPID:
        enter = lambda: namespaces.join(request.target, CLONE_NEWPID)  # noqa: E731
    pid = _fork(state, enter, child)
    theirs.close()
    try:
        ours.send(handshake.GO)
        _attend(ours, pid, request.confinement.process)
    except BaseException:
        os.kill(pid, KILL)
        os.waitpid(pid, 0)
        raise
    ours.close()
    return pid


def _fork(state: ContainerState, enter: "Callable[[], None] | None", child: "Callable[[], NoReturn]") -> int:
    try:
        return fork_into(confine_cgroups.birthplace(state.groups), enter, child)
    except OSError:
        if cgroups.UNIFIED not in state.groups:
            raise
        # The container's own init may have moved itself below its group, which then takes no process (v2).
        own = cgroups.own_groups(state.pid)[cgroups.UNIFIED]
        return fork_into(f"{cgroups.ROOT}{own}", enter, child)


def _attend(channel: Channel, pid: int, process: Process) -> None:
    ready = False
    while True:
        kind, payload = channel.receive()
        if kind == handshake.END:
            if ready:
                return
            raise InternalError("error executing setns process: it ended without a word (was it killed?)")
        if kind == handshake.FAILED:
            raise InternalError(payload.decode("utf-8", "replace"))
        if kind == handshake.READY:
            ready = True
            limits.set_rlimits(pid, process.rlimits)
        channel.send(handshake.GO)
