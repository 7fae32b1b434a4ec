"""The parent of a new container: makes its groups and its init, answers init's messages, and leaves it waiting."""

import os
import time

from slipway.base.errors import EngineError, InternalError
from slipway.base.timestamps import rfc3339_from_nanoseconds
from slipway.contracts.oci.runtime import IdMapping
from slipway.linux import cgroups, namespaces, prctl, processes, signals
from slipway.linux.namespace_flags import CLONE_NEWPID
from slipway.linux.user_namespace import is_machine_root
from slipway.runc.bundle import Bundle
from slipway.runc.confine import cgroups as confine_cgroups
from slipway.runc.confine import limits
from slipway.runc.confine.own_groups import make_own_groups
from slipway.runc.plan.delegation import group_owner
from slipway.runc.plan.device_rules import device_policy
from slipway.runc.plan.limits import plan_limits
from slipway.runc.process import announce, handshake
from slipway.runc.process.answers import move_devices, send_source, write_time_offsets
from slipway.runc.process.enter_namespaces import close_namespaces
from slipway.runc.process.forking import fork_into
from slipway.runc.process.handshake import Channel, channel_pair
from slipway.runc.process.hooks import oci_state, run_all_hooks, run_hooks, state_document
from slipway.runc.process.init import InitRequest, run_init
from slipway.runc.process.listener import hand_over
from slipway.runc.process.mappings import write_mappings
from slipway.runc.process.prepare import CreateOptions, open_console, prepare_init, warn_of_capabilities
from slipway.runc.process.tell import tell_groups, tell_plan
from slipway.runc.process.undo import Undo
from slipway.runc.report import words_of
from slipway.runc.spec.inherited import inheritance
from slipway.runc.state.model import ContainerState
from slipway.runc.state.store import StateStore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from slipway.runc.process.unit import Unit

_REMOVAL_TIMEOUT = 10.0


class Creation:
    """One container being made. `state` is complete once `create_container` has returned."""

    __slots__ = ("channel", "debug", "pid", "request", "state", "store", "warn")

    def __init__(
        self,
        store: StateStore,
        request: InitRequest,
        state: ContainerState,
        channel: Channel,
        options: CreateOptions,
    ) -> None:
        self.store = store
        self.request = request
        self.state = state
        self.channel = channel
        self.warn = options.warn
        self.debug = options.debug
        self.pid = 0


def create_container(store: StateStore, bundle: Bundle, options: CreateOptions, console: int = -1) -> ContainerState:
    """Make a container up to the point where `start` lets its program run.

    `console` is a connected socket for the terminal, or -1 to use the one that the options name. Raises EngineError or
    OSError, and then has undone everything. A crash of this process leaves a container in status "creating", which
    `delete --force` removes.
    """
    request = prepare_init(store, bundle, options)
    if options.debug is not None:
        tell_plan(request, options.debug)
    warn_of_capabilities(request.confinement, options.warn)
    request.console = console
    if console < 0:
        request.console = open_console(request.confinement.process, options.console_socket, detached=True)
    pidfd_socket = announce.dial_for_pidfd(options.pidfd_socket)
    with Undo() as undo:
        store.reserve(options.container)
        undo.push("run poststop hooks", lambda: _run_poststop_hooks(request, options.warn))
        undo.push("remove state", lambda: store.remove(options.container))
        confine_cgroups.check_vacant(request.groups)
        if options.notify:
            os.mkdir(options.notify, 0o755)
        state = first_state(store, request, bundle)
        request.fifo = os.open(store.fifo(state.id), os.O_PATH | os.O_CLOEXEC)
        undo.push("remove groups", lambda: _remove_groups(request))
        try:
            _start_init(store, request, state, undo, options)
        except OSError as error:
            raise InternalError(f"unable to start container process: {words_of(error)}") from error
        except EngineError as error:
            raise InternalError(f"unable to start container process: {error}") from error
        announce.send_pidfd(pidfd_socket, state.pid, announce.INIT)
        if options.pid_file:
            announce.write_pid_file(options.pid_file, state.pid)
    return state


def first_state(store: StateStore, request: InitRequest, bundle: Bundle) -> ContainerState:
    """Written before anything is made that only the state can find again."""
    now = rfc3339_from_nanoseconds(time.time_ns())
    state = ContainerState(request.id, bundle.path, request.rootfs, now)
    if request.unit is None:  # otherwise they may still be another's: systemd says so when it starts the unit
        state.groups = request.groups
    state.namespaces = request.namespaces.all_flags
    state.private_pids = bool(request.namespaces.new & CLONE_NEWPID)
    state.keyring = request.keyring
    state.inherited = inheritance(bundle.process_source())
    state.personality = request.confinement.personality
    state.as_user = request.as_user
    state.rootless_groups = request.rootless_groups
    state.own_cpus = request.confinement.own_cpus
    if request.memory_policy is not None:
        state.memory_policy, nodes = request.memory_policy
        state.memory_nodes = [node for node in range(nodes.bit_length()) if nodes >> node & 1]
    state.annotations = bundle.spec.annotations
    state.poststart_hooks = bundle.hooks_source("poststart") or []
    state.poststop_hooks = bundle.hooks_source("poststop") or []
    chosen = request.confinement.filter
    if chosen is not None:
        state.seccomp_flags = chosen.flags
        if chosen.listener is not None:
            state.listener = {"path": chosen.listener.path, "metadata": chosen.listener.metadata}
        store.save_filter(request.id, chosen.program)
    store.make_fifo(request.id, _root_id(request.uid_mappings), _root_id(request.gid_mappings))
    store.save(state)
    return state


def _root_id(mappings: list[IdMapping]) -> int:
    """The host's number for the container's 0."""
    return next((mapping.host_id for mapping in mappings if mapping.container_id == 0), 0)


def _start_init(
    store: StateStore, request: InitRequest, state: ContainerState, undo: Undo, options: CreateOptions
) -> None:
    ours, theirs = channel_pair()
    creation = Creation(store, request, state, ours, options)
    prctl.set_dumpable(False)
    prctl.set_child_subreaper(True)

    init = run_init if options.stage is None else options.stage.init

    def child() -> "NoReturn":
        ours.close()
        init(request, theirs)

    born = ""
    if request.unit is None:
        if request.rootless_groups:
            _keep_own_groups(creation)
        confine_cgroups.make_birthplace(request.groups, request.points)
        born = confine_cgroups.birthplace(request.groups)
    creation.pid = fork_into(born, _pid_namespace(request), child)
    undo.push("end init", lambda: _end_init(creation))
    theirs.close()
    os.close(request.fifo)
    close_namespaces(request.namespace_files)
    # The child builds its file tree meanwhile.
    if request.unit is not None:
        _start_unit(creation, request.unit)
    prepare_groups(request)
    ours.send(handshake.GO)
    writes = plan_limits(request.spec.linux.resources, unified=cgroups.UNIFIED in request.points)
    if options.debug is not None:
        tell_groups(request, writes, options.debug)
    confine_cgroups.apply_limits(request.groups, writes)
    _attend(creation)
    ours.close()


def prepare_groups(request: InitRequest) -> None:
    """Make them, with their devices and their owner; the limits come later."""
    confine_cgroups.make_groups(request.groups, request.points)
    lenient = request.rootless_groups or not is_machine_root()
    policy = device_policy(request.spec.linux.resources.devices)
    confine_cgroups.apply_devices(request.groups, policy, lenient=lenient)
    owner = group_owner(request.spec, request.uid_mappings)
    confine_cgroups.hand_over(request.groups, owner, lenient=request.rootless_groups)


def _keep_own_groups(creation: Creation) -> None:
    """A user without groups of their own gets a container without, if nothing was asked of them."""
    request, state = creation.request, creation.state
    request.own_groups = cgroups.own_groups()
    request.groups, denied = make_own_groups(request.groups, request.points, request.own_groups)
    state.groups = request.groups
    if denied is None:
        return
    linux = request.spec.linux
    if linux.cgroups_path:
        raise InternalError(f"unable to apply cgroup configuration: {words_of(denied)}")
    if cgroups.UNIFIED in request.points and plan_limits(linux.resources, unified=True):
        raise InternalError(
            "unable to apply cgroup configuration: rootless needs no limits + no cgrouppath when no permission is "
            f"granted for cgroups: {words_of(denied)}"
        )
    if not state.private_pids and not request.groups:
        creation.warn(
            "Creating a rootless container with no cgroup and no private pid namespace. Such configuration is strongly "
            "discouraged: nothing can kill all of its processes"
        )


def _start_unit(creation: Creation, unit: "Unit") -> None:
    """Before init needs its groups: it waits for GO. Then the state says where it is."""
    request = creation.request
    unit.start_with_init(request, creation.pid, creation.channel)
    unit.record(creation.state, request.groups)
    creation.store.save(creation.state)
    confine_cgroups.make_birthplace(request.groups, request.points)


def _remove_groups(request: InitRequest) -> None:
    if request.unit is None:
        confine_cgroups.remove_groups(request.groups, _REMOVAL_TIMEOUT)
    else:
        request.unit.remove(request.groups)


def _pid_namespace(request: InitRequest) -> "Callable[[], None] | None":
    if request.forks_inside:
        return None
    for file in request.namespace_files:
        if file.flag == CLONE_NEWPID:
            return lambda: namespaces.join(file.descriptor, CLONE_NEWPID)
    if request.namespaces.new & CLONE_NEWPID:
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
        if kind == handshake.WARNING:
            creation.warn(payload.decode("utf-8", "replace"))
            continue
        ready = ready or kind == handshake.READY
        if creation.debug is not None:
            creation.debug(f"init, process {creation.pid}: {handshake.MEANINGS[kind]}")
        try:
            _answer(creation, kind, payload)
        except InternalError as error:
            raise InternalError(f"error during container init: {error}") from None
        if kind != handshake.SOURCE:  # its answer has gone with the tree
            creation.channel.send(handshake.GO)


def _answer(creation: Creation, kind: bytes, payload: bytes) -> None:
    """Do what the child asks for."""
    request = creation.request
    if kind == handshake.MAP:
        write_mappings(creation.pid, request.uid_mappings, request.gid_mappings)
    elif kind == handshake.TIME:
        write_time_offsets(creation.pid, request.spec.linux.time_offsets)
    elif kind == handshake.DEVICES:
        move_devices(creation.pid, request.spec.linux.net_devices)
    elif kind == handshake.SOURCE:
        send_source(creation.channel, creation.pid, request.plan.build[int(payload)])
    elif kind == handshake.INIT:
        os.waitpid(creation.pid, 0)
        creation.pid = int(payload)
    elif kind == handshake.TREE:
        run_creation_hooks(creation.request, creation.pid)
    elif kind == handshake.READY:
        _complete(creation)
    elif kind == handshake.LISTENER:
        _hand_over_listener(creation, int(payload))


def _hand_over_listener(creation: Creation, number: int) -> None:
    request = creation.request
    assert request.confinement.filter is not None
    document = state_document(request.id, "creating", creation.pid, request.bundle, request.spec.annotations)
    hand_over(request.confinement.filter.listener, creation.pid, number, document)


def run_creation_hooks(request: InitRequest, pid: int) -> None:
    """With the bundle as working directory, as the original has it."""
    hooks = request.spec.hooks
    # The state of the (deprecated) prestart hooks is that of a container whose `create` is over, as with crun.
    lists = (("prestart", hooks.prestart, "created"), ("createRuntime", hooks.create_runtime, "creating"))
    own = os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    os.chdir(request.bundle)
    try:
        for name, these, status in lists:
            document = oci_state(request.id, status, pid, request.bundle, request.spec.annotations)
            run_hooks(name, these, document)
    finally:
        os.fchdir(own)
        os.close(own)


def _run_poststop_hooks(request: InitRequest, warn: "Callable[[str], None]") -> None:
    """Of a container that never came to be: what its other hooks did may want to be undone."""
    document = oci_state(request.id, "stopped", 0, request.bundle, request.spec.annotations)
    run_all_hooks("poststop", request.spec.hooks.poststop, document, warn)


def _complete(creation: Creation) -> None:
    """Limits that need our privileges, and the state with which other commands find the container."""
    limits.set_rlimits(creation.pid, creation.request.confinement.process.rlimits)
    stat = processes.read_stat(creation.pid)
    if stat is None:
        raise InternalError(_death_sentence(creation))
    creation.state.pid = creation.pid
    creation.state.start = stat.start
    creation.state.descriptors = processes.read_streams(creation.pid)
    creation.store.save(creation.state)


def _death_sentence(creation: Creation) -> str:
    """Why a child that said nothing is gone."""
    if confine_cgroups.out_of_memory(creation.request.groups):
        return "container init was OOM-killed (memory limit too low?)"
    return "error during container init: the process ended without a word (was it killed?)"


def _end_init(creation: Creation) -> None:
    """Also one that goes on as another process, and has not been heard: it ends with the channel."""
    creation.channel.close()
    try:
        os.kill(creation.pid, signals.NUMBERS["KILL"])
        os.waitpid(creation.pid, 0)
    except (ProcessLookupError, ChildProcessError):
        return
