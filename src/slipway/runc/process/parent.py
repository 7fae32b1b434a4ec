"""The parent of a new container: makes its groups and its init, answers init's messages, and leaves it waiting."""

import os
import time

from slipway.base.errors import EngineError, InternalError
from slipway.base.files import write_atomically
from slipway.base.timestamps import rfc3339_from_nanoseconds
from slipway.contracts.oci.runtime import IdMapping
from slipway.linux import namespaces, prctl, processes, signals
from slipway.linux.namespace_flags import CLONE_NEWPID, CLONE_NEWUSER
from slipway.runc.bundle import Bundle
from slipway.runc.confine import cgroups as confine_cgroups
from slipway.runc.confine import limits
from slipway.runc.plan.cgroup_v1 import plan_limits_v1
from slipway.runc.plan.cgroup_v2 import plan_limits_v2
from slipway.runc.plan.device_rules import device_policy
from slipway.runc.process import handshake
from slipway.runc.process.forking import fork_into
from slipway.runc.process.handshake import Channel, channel_pair
from slipway.runc.process.hooks import oci_state, run_hooks
from slipway.runc.process.init import InitRequest, run_init
from slipway.runc.process.prepare import CreateOptions, open_console, prepare_init
from slipway.runc.process.undo import Undo
from slipway.runc.report import words_of
from slipway.runc.state.model import ContainerState
from slipway.runc.state.store import StateStore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

_REMOVAL_TIMEOUT = 10.0
_UNIFIED = ""


class Creation:
    """One container being made. `state` is complete once `create_container` has returned."""

    __slots__ = ("channel", "pid", "request", "state", "store")

    def __init__(self, store: StateStore, request: InitRequest, state: ContainerState, channel: Channel) -> None:
        self.store = store
        self.request = request
        self.state = state
        self.channel = channel
        self.pid = 0


def create_container(store: StateStore, bundle: Bundle, options: CreateOptions, console: int = -1) -> ContainerState:
    """Make a container up to the point where `start` lets its program run.

    `console` is a connected socket for the terminal, or -1 to use the one that the options name. Raises EngineError or
    OSError, and then has undone everything. A crash of this process leaves a container in status "creating", which
    `delete --force` removes.
    """
    request = prepare_init(store, bundle, options)
    request.console = console
    if console < 0:
        request.console = open_console(request.confinement.process, options.console_socket, detached=True)
    with Undo() as undo:
        store.reserve(options.container)
        undo.push("remove state", lambda: store.remove(options.container))
        state = _first_state(store, request, bundle)
        request.fifo = os.open(store.fifo(state.id), os.O_PATH | os.O_CLOEXEC)
        undo.push("remove groups", lambda: confine_cgroups.remove_groups(state.groups, _REMOVAL_TIMEOUT))
        try:
            _start_init(store, request, state, undo)
        except OSError as error:
            raise InternalError(f"unable to start container process: {words_of(error)}") from error
        except EngineError as error:
            raise InternalError(f"unable to start container process: {error}") from error
        if options.pid_file:
            write_atomically(options.pid_file, str(state.pid).encode(), mode=0o644, durable=False)
    return state


def _first_state(store: StateStore, request: InitRequest, bundle: Bundle) -> ContainerState:
    """Written before anything is made that only the state can find again."""
    now = rfc3339_from_nanoseconds(time.time_ns())
    state = ContainerState(request.id, bundle.path, request.rootfs, now)
    state.groups = request.groups
    state.namespaces = request.namespaces.all_flags
    state.private_pids = bool(request.namespaces.new & CLONE_NEWPID)
    state.keyring = request.keyring
    state.annotations = bundle.spec.annotations
    state.poststart_hooks = bundle.hooks_source("poststart") or []
    state.poststop_hooks = bundle.hooks_source("poststop") or []
    chosen = request.confinement.filter
    if chosen is not None:
        state.seccomp_flags = chosen.flags
        store.save_filter(request.id, chosen.program)
    store.make_fifo(request.id, _root_id(bundle.spec.linux.uid_mappings), _root_id(bundle.spec.linux.gid_mappings))
    store.save(state)
    return state


def _root_id(mappings: list[IdMapping]) -> int:
    """The host's number for the container's 0."""
    return next((mapping.host_id for mapping in mappings if mapping.container_id == 0), 0)


def _start_init(store: StateStore, request: InitRequest, state: ContainerState, undo: Undo) -> None:
    ours, theirs = channel_pair()
    creation = Creation(store, request, state, ours)
    prctl.set_dumpable(False)
    prctl.set_child_subreaper(True)

    def child() -> "NoReturn":
        ours.close()
        run_init(request, theirs)

    confine_cgroups.make_birthplace(request.groups, request.points)
    creation.pid = fork_into(confine_cgroups.birthplace(request.groups), _pid_namespace(request), child)
    undo.push("end init", lambda: _end(creation.pid))
    theirs.close()
    os.close(request.fifo)
    # The child builds its file tree meanwhile.
    resources = request.spec.linux.resources
    confine_cgroups.make_groups(request.groups, request.points)
    confine_cgroups.apply_devices(request.groups, device_policy(resources.devices))
    ours.send(handshake.GO)
    plan_limits = plan_limits_v2 if _UNIFIED in request.points else plan_limits_v1
    confine_cgroups.apply_limits(request.groups, plan_limits(resources))
    _attend(creation)
    ours.close()


def _pid_namespace(request: InitRequest) -> "Callable[[], None] | None":
    plan = request.namespaces
    path = plan.path_of(CLONE_NEWPID)
    if path:
        return lambda: namespaces.join_path(path, CLONE_NEWPID)
    if plan.new & CLONE_NEWPID and not plan.new & CLONE_NEWUSER:
        return lambda: namespaces.unshare(CLONE_NEWPID)
    return None


def _attend(creation: Creation) -> None:
    """Answer the child until it has nothing more to say."""
    ready = False
    while True:
        kind, payload = creation.channel.receive()
        if kind == handshake.END:
            if ready:
                return
            raise InternalError(_death_sentence(creation))
        if kind == handshake.FAILED:
            raise InternalError(f"error during container init: {payload.decode('utf-8', 'replace')}")
        if kind == handshake.MAP:
            _write_mappings(creation)
        elif kind == handshake.INIT:
            os.waitpid(creation.pid, 0)
            creation.pid = int(payload)
        elif kind == handshake.TREE:
            _run_creation_hooks(creation)
        elif kind == handshake.READY:
            ready = True
            _complete(creation)
        creation.channel.send(handshake.GO)


def _run_creation_hooks(creation: Creation) -> None:
    request = creation.request
    document = oci_state(request.id, "creating", creation.pid, request.bundle, request.spec.annotations)
    run_hooks("prestart", request.spec.hooks.prestart, document)
    run_hooks("createRuntime", request.spec.hooks.create_runtime, document)


def _complete(creation: Creation) -> None:
    """Limits that need our privileges, and the state with which other commands find the container."""
    limits.set_rlimits(creation.pid, creation.request.confinement.process.rlimits)
    stat = processes.read_stat(creation.pid)
    if stat is None:
        raise InternalError(_death_sentence(creation))
    creation.state.pid = creation.pid
    creation.state.start = stat.start
    creation.store.save(creation.state)


def _write_mappings(creation: Creation) -> None:
    linux = creation.request.spec.linux
    for file, mappings in (("uid_map", linux.uid_mappings), ("gid_map", linux.gid_mappings)):
        lines = "".join(f"{item.container_id} {item.host_id} {item.size}\n" for item in mappings)
        descriptor = os.open(f"/proc/{creation.pid}/{file}", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(descriptor, lines.encode())
        finally:
            os.close(descriptor)


def _death_sentence(creation: Creation) -> str:
    """Why a child that said nothing is gone."""
    if confine_cgroups.out_of_memory(creation.request.groups):
        return "container init was OOM-killed (memory limit too low?)"
    return "error during container init: the process ended without a word (was it killed?)"


def _end(pid: int) -> None:
    try:
        os.kill(pid, signals.NUMBERS["KILL"])
        os.waitpid(pid, 0)
    except (ProcessLookupError, ChildProcessError):
        return
