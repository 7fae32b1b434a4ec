"""Starting a further process in a running container: the parent's side."""

import os

from slipway.base.errors import EngineError, FailedPrecondition, InternalError
from slipway.contracts.oci.runtime import Process
from slipway.linux import cgroups, namespaces, prctl, processes
from slipway.linux.namespace_flags import CLONE_NEWNS, CLONE_NEWPID
from slipway.linux.user_namespace import is_machine_root
from slipway.runc.confine import cgroups as confine_cgroups
from slipway.runc.confine import limits
from slipway.runc.confine.seccomp import Filter, Listener
from slipway.runc.plan.sub_groups import plan_sub_groups
from slipway.runc.process import announce, handshake
from slipway.runc.process.become import Confinement
from slipway.runc.process.end import KILL
from slipway.runc.process.forking import fork_into
from slipway.runc.process.handshake import Channel, channel_pair
from slipway.runc.process.hooks import state_document
from slipway.runc.process.join import JoinRequest, run_join
from slipway.runc.process.listener import hand_over
from slipway.runc.process.prepare import confine_process, warn_of_capabilities
from slipway.runc.report import words_of
from slipway.runc.spec.cpus import cpus_from_text
from slipway.runc.state import lifecycle
from slipway.runc.state.model import ContainerState
from slipway.runc.state.status import current_status
from slipway.runc.state.store import StateStore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from slipway.runc.process.stage import Stage


_DEATH = "error executing setns process: it ended without a word (was it killed?)"


class ExecOptions:
    """What the command line says about the process. `console` and `pidfd_socket` are connected sockets, or -1.

    `groups`: controller -> path below the container's own group. `warn` takes sentences that stop nothing.
    `stage`: of a rehearsal.
    """

    __slots__ = ("console", "groups", "ignore_paused", "pid_file", "pidfd_socket", "preserved", "stage", "warn")

    def __init__(self) -> None:
        self.console = -1
        self.groups: dict[str, str] = {}
        self.ignore_paused = False
        self.pid_file = ""
        self.pidfd_socket = -1
        self.preserved = 0
        self.stage: Stage | None = None
        self.warn: Callable[[str], None] = lambda _: None


def exec_process(store: StateStore, state: ContainerState, process: Process, options: ExecOptions) -> int:
    """Start it; its pid, a child of this process. Raises EngineError or OSError, and then no process is left."""
    verb = "exec --ignore-paused" if options.ignore_paused else "exec"
    lifecycle.check(verb, state.id, current_status(store, state))
    chosen = None
    if state.seccomp_flags is not None:
        listener = Listener(state.listener["path"], state.listener["metadata"]) if state.listener else None
        chosen = Filter(store.load_filter(state.id), state.seccomp_flags, listener)
    confinement = confine_process(process, chosen, options.preserved)
    confinement.personality = state.personality
    confinement.own_cpus = state.own_cpus
    warn_of_capabilities(confinement, options.warn)
    try:
        target = processes.open_process(state.pid, state.start)
    except ProcessLookupError:
        raise FailedPrecondition("cannot exec in a stopped container") from None
    groups = plan_sub_groups(state.groups, options.groups)
    request = JoinRequest(state.id, target, state.namespaces, groups, confinement)
    request.console = options.console
    request.keyring = state.keyring
    if state.memory_policy is not None:
        request.memory_policy = (state.memory_policy, sum(1 << node for node in state.memory_nodes))
    if not state.namespaces & CLONE_NEWNS:
        request.root = _root_of_init(state)
    try:
        pid = _start(state, request, options)
    except OSError as error:
        raise InternalError(f"unable to start container process: {words_of(error)}") from error
    except EngineError as error:
        raise InternalError(f"unable to start container process: {error}") from error
    finally:
        os.close(target)
    try:
        announce.send_pidfd(options.pidfd_socket, pid, announce.JOINED)
        if options.pid_file:
            announce.write_pid_file(options.pid_file, pid)
    except BaseException:
        os.kill(pid, KILL)
        os.waitpid(pid, 0)
        raise
    return pid


def _root_of_init(state: ContainerState) -> int:
    """Without a mount namespace of its own a container has only a root directory, which its init holds."""
    root = os.open(f"/proc/{state.pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    if not processes.is_alive(state.pid, state.start):
        os.close(root)
        raise FailedPrecondition("cannot exec in a stopped container")
    return root


def _start(state: ContainerState, request: JoinRequest, options: ExecOptions) -> int:
    _choose_cpus(request)
    ours, theirs = channel_pair()
    # Before any process of ours is seen in the container: nobody there may trace it or open its files (CVE-2016-9962).
    prctl.set_dumpable(False)

    join = run_join if options.stage is None else options.stage.join

    def child() -> "NoReturn":
        ours.close()
        join(request, theirs)

    enter = None
    if request.flags & CLONE_NEWPID and not is_machine_root():
        request.forks_inside = True
        prctl.set_child_subreaper(True)
    elif request.flags & CLONE_NEWPID:
        enter = lambda: namespaces.join(request.target, CLONE_NEWPID)  # noqa: E731
    pid = _fork(state, request, enter, child)
    theirs.close()
    try:
        ours.send(handshake.GO)
        if request.forks_inside:
            pid = _follow(ours, pid)
        _attend(ours, pid, state, request.confinement, options)
    except BaseException:
        os.kill(pid, KILL)
        os.waitpid(pid, 0)
        raise
    ours.close()
    return pid


def _follow(channel: Channel, pid: int) -> int:
    """The child of the child, which goes on in its place."""
    kind, payload = channel.receive()
    if kind == handshake.FAILED:
        raise InternalError(payload.decode("utf-8", "replace"))
    if kind != handshake.INIT:
        raise InternalError(_DEATH)
    os.waitpid(pid, 0)
    channel.send(handshake.GO)
    return int(payload)


def _fork(
    state: ContainerState,
    request: JoinRequest,
    enter: "Callable[[], None] | None",
    child: "Callable[[], NoReturn]",
) -> int:
    try:
        return fork_into(confine_cgroups.birthplace(request.groups), enter, child)
    except OSError as error:
        if state.rootless_groups and isinstance(error, PermissionError):
            request.groups = {}  # of another session of the user: it stays in ours
            return fork_into("", enter, child)
        if cgroups.UNIFIED not in state.groups or request.groups != state.groups:
            raise
        # The container's own init may have moved itself below its group, which then takes no process (v2).
        own = cgroups.own_groups(state.pid)[cgroups.UNIFIED]
        return fork_into(f"{cgroups.ROOT}{own}", enter, child)


def _choose_cpus(request: JoinRequest) -> None:
    """This process goes to the initial CPUs, so that the child is born there; the child goes on to the final ones."""
    wanted = request.confinement.process.cpu_affinity
    if wanted is None:
        return
    initial = cpus_from_text(wanted.initial, "CPUAffinity.Initial")
    final = cpus_from_text(wanted.final, "CPUAffinity.Final")
    if initial is not None:
        limits.set_cpus(initial, "error setting initial CPU affinity")
    request.cpus = frozenset() if final is None and initial is not None else final


def _attend(channel: Channel, pid: int, state: ContainerState, confinement: Confinement, options: ExecOptions) -> None:
    ready = False
    while True:
        kind, payload = channel.receive()
        if kind == handshake.END:
            if ready:
                return
            raise InternalError(_DEATH)
        if kind == handshake.FAILED:
            raise InternalError(payload.decode("utf-8", "replace"))
        if kind == handshake.WARNING:
            options.warn(payload.decode("utf-8", "replace"))
            continue
        if kind == handshake.READY:
            ready = True
            limits.set_rlimits(pid, confinement.process.rlimits)
        elif kind == handshake.LISTENER:
            assert confinement.filter is not None
            document = state_document(state.id, "running", state.pid, state.bundle, state.annotations)
            hand_over(confinement.filter.listener, pid, int(payload), document)
        channel.send(handshake.GO)
