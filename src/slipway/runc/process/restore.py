"""Making a container from a checkpoint, by criu."""

import os

from slipway.base import json_text
from slipway.base.errors import EngineError, InternalError, InvalidArgument
from slipway.base.files import read_whole
from slipway.contracts import criu_rpc
from slipway.contracts.oci.runtime import Spec
from slipway.linux import cgroups, descriptors, mounts, namespaces, prctl, processes, resolve
from slipway.linux.mount_flags import MNT_DETACH, MS_REC, MS_SLAVE
from slipway.linux.namespace_flags import CLONE_NEWNS, CLONE_NEWTIME
from slipway.runc.bundle import Bundle
from slipway.runc.confine import cgroups as confine_cgroups
from slipway.runc.options.checkpoint import CriuChoices
from slipway.runc.plan.checkpoint import joined_namespace, mount_points_to_make, outside_mounts
from slipway.runc.plan.limits import plan_limits
from slipway.runc.process import criu
from slipway.runc.process.checkpoint import OUTSIDE_NAMESPACES, key_of_namespace
from slipway.runc.process.end import delete_container
from slipway.runc.process.images import DESCRIPTORS, Images
from slipway.runc.process.init import InitRequest
from slipway.runc.process.parent import first_state, prepare_groups, run_creation_hooks
from slipway.runc.process.prepare import CreateOptions, prepare_init
from slipway.runc.process.undo import Undo
from slipway.runc.state.model import ContainerState
from slipway.runc.state.store import StateStore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_ROOT = "criu-root"
_FIRST_DESCRIPTOR = 4  # behind stdio and criu's socket
# Kinds that criu joins by path itself; it has no code for the cgroup namespace.
_JOINED = {"mount": "mnt", "ipc": "ipc", "uts": "uts", "user": "user", "time": "time"}


class Restoring:
    """One container on its way back. `console` is a connected socket for its terminal, or -1."""

    __slots__ = ("bundle", "console", "request", "state", "store")

    def __init__(self, store: StateStore, bundle: Bundle, request: InitRequest, console: int) -> None:
        self.store = store
        self.bundle = bundle
        self.request = request
        self.console = console
        self.state: ContainerState


def restore_container(
    store: StateStore,
    bundle: Bundle,
    created: CreateOptions,
    choices: CriuChoices,
    console: int,
    warn: "Callable[[str], None]",
) -> ContainerState:
    """A running container whose init is a child of this process, which is in a mount namespace of its own afterwards.

    Raises EngineError or OSError, having undone everything. `warn` gets criu's errors.
    """
    criu.check_version()
    restoring = Restoring(store, bundle, prepare_init(store, bundle, created), console)
    if joined_namespace(bundle.spec, "cgroup"):
        raise InvalidArgument("Do not know how to handle namespace NEWCGROUP")
    with Undo() as undo:
        store.reserve(created.container)
        undo.push("remove state", lambda: store.remove(created.container))
        confine_cgroups.check_vacant(restoring.request.groups)
        restoring.state = first_state(store, restoring.request, bundle)
        os.unlink(store.fifo(created.container))
        if restoring.request.unit is not None:  # of which the state may not have known yet
            undo.push("remove unit", lambda: _remove_unit(restoring.request))
        undo.push("remove container", lambda: delete_container(store, restoring.state, force=True, warn=warn))
        _restore(restoring, choices, warn)
    return restoring.state


def _remove_unit(request: InitRequest) -> None:
    if request.unit is not None:
        request.unit.remove(request.groups)


def _restore(restoring: Restoring, choices: CriuChoices, warn: "Callable[[str], None]") -> None:
    namespaces.unshare(CLONE_NEWNS)  # what is mounted here for criu's sake goes with this process
    mounts.change_propagation("/", MS_SLAVE | MS_REC)
    # Opened in this namespace: criu mounts below its working directory.
    images = Images(choices, "restore.log", restoring.bundle.spec.annotations, make=False)
    passed: list[int] = []
    try:
        root = _make_root(restoring)
        try:
            _complete(images.options, restoring, choices, root, passed)
            _run(restoring, images.options, passed)
        finally:
            mounts.unmount(root, MNT_DETACH)
            os.rmdir(root)
    except EngineError:
        for line in criu.errors_in_log(images.log):
            warn(line)
        raise
    finally:
        images.close()
        for descriptor in passed:
            os.close(descriptor)


def _make_root(restoring: Restoring) -> str:
    """criu wants the root to be a mount point that nothing covers: a second mount of the root file system."""
    path = f"{os.path.realpath(restoring.store.directory(restoring.state.id))}/{_ROOT}"
    os.mkdir(path, 0o755)
    try:
        _mount(restoring.request.rootfs, path)
        try:
            _make_mount_points(path, restoring.bundle)
        finally:
            mounts.unmount(path, MNT_DETACH)  # with the binds that mount points were made in
        _mount(restoring.request.rootfs, path)
    except BaseException:
        os.rmdir(path)
        raise
    return path


def _mount(source: str, path: str) -> None:
    target = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _bind(source, target)
    finally:
        os.close(target)


def _make_mount_points(path: str, bundle: Bundle) -> None:
    root = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for destination, source in mount_points_to_make(bundle.spec, bundle.path):
            is_file = bool(source) and not os.path.isdir(source)
            make = resolve.make_file if is_file else resolve.make_directories
            target = make(root, destination)
            try:
                if source:
                    _bind(source, target)
            finally:
                os.close(target)
    finally:
        os.close(root)


def _bind(source: str, target: int) -> None:
    mount = mounts.clone_path(source, recursive=True)
    try:
        mounts.attach(mount, target)
    finally:
        os.close(mount)


def _complete(
    options: criu_rpc.Options, restoring: Restoring, choices: CriuChoices, root: str, passed: list[int]
) -> None:
    spec, request = restoring.bundle.spec, restoring.request
    options.root = root
    options.rst_sibling = True
    options.evasive_devices = True
    if choices.lsm_profile:
        options.lsm_profile = choices.lsm_profile
    if choices.lsm_mount_context:
        options.lsm_mount_context = choices.lsm_mount_context
    outside = outside_mounts(spec, restoring.bundle.path, request.points, request.groups)
    options.ext_mnt = [criu_rpc.ExternalMount(key=mount.destination, val=mount.source) for mount in outside]
    if spec.linux.masked_paths:
        options.ext_mnt.append(criu_rpc.ExternalMount(key="/dev/null", val="/dev/null"))
    options.inherit_fd = [*_inherited_streams(choices.image_path), *_inherited_namespaces(spec, passed)]
    options.join_ns = [
        criu_rpc.JoinNamespace(ns=word, ns_file=joined_namespace(spec, kind))
        for kind, word in _JOINED.items()
        if joined_namespace(spec, kind)
    ]


def _inherited_streams(folder: str) -> list[criu_rpc.InheritedDescriptor]:
    """Our stdio in the place of the pipes that the container had."""
    path = f"{folder}/{DESCRIPTORS}"
    try:
        links = json_text.loads(read_whole(path), path)
    except FileNotFoundError as error:
        raise OSError(error.errno, error.strerror, f"open {path}") from None
    if not isinstance(links, list):
        raise InvalidArgument(f"{path} must be a list")
    return [
        criu_rpc.InheritedDescriptor(key=link, fd=number)
        for number, link in enumerate(links[:3])
        if isinstance(link, str) and link.startswith("pipe:")
    ]


def _inherited_namespaces(spec: Spec, passed: list[int]) -> list[criu_rpc.InheritedDescriptor]:
    inherited = []
    for kind, word in OUTSIDE_NAMESPACES.items():
        path = joined_namespace(spec, kind)
        if not path:
            continue
        try:
            passed.append(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
        except OSError:
            raise InvalidArgument(f"Requested network namespace {path} does not exist") from None
        number = _FIRST_DESCRIPTOR + len(passed) - 1
        inherited.append(criu_rpc.InheritedDescriptor(key=key_of_namespace(word), fd=number))
    return inherited


def _run(restoring: Restoring, options: criu_rpc.Options, passed: list[int]) -> None:
    prctl.set_child_subreaper(True)
    process = criu.Criu(passed)
    try:
        options.cg_root = _enter_groups(restoring, process.pid)
        request = criu_rpc.Request(type=criu_rpc.RESTORE, opts=options)
        process.ask(request, lambda notification, descriptor: _attend(restoring, notification, descriptor))
    finally:
        status = process.close()
    if status:
        raise InternalError(f"criu failed: exit status {status}")


def _enter_groups(restoring: Restoring, pid: int) -> list[criu_rpc.CgroupRoot]:
    """criu makes the processes where it is itself; what it is told are the groups to take for the saved ones."""
    request = restoring.request
    if request.unit is not None:
        request.unit.start(request, pid)
        request.unit.record(restoring.state, request.groups)
        restoring.store.save(restoring.state)
    confine_cgroups.make_birthplace(request.groups, request.points)
    prepare_groups(request)
    for group in dict.fromkeys(request.groups.values()):
        cgroups.add_process(group, pid)
    writes = plan_limits(request.spec.linux.resources, unified=cgroups.UNIFIED in request.points)
    confine_cgroups.apply_limits(request.groups, writes)
    return [
        criu_rpc.CgroupRoot(ctrl=controller, path=path)
        for controller, path in cgroups.own_groups(pid).items()
        if controller != cgroups.HYBRID
    ]


def _attend(restoring: Restoring, notification: criu_rpc.Notification, descriptor: int) -> None:
    if notification.script == "setup-namespaces":
        run_creation_hooks(restoring.request, notification.pid)
    elif notification.script == "orphan-pts-master":
        _hand_over_terminal(restoring.console, descriptor)
    elif notification.script == "post-restore":
        _note(restoring, notification.pid)


def _hand_over_terminal(console: int, master: int) -> None:
    if console < 0 or master < 0:
        raise InvalidArgument("the container has a terminal, and nobody takes it: --console-socket is missing")
    descriptors.send_descriptor(console, master, b"orphan-pts-master")


def _note(restoring: Restoring, pid: int) -> None:
    stat = processes.read_stat(pid)
    if stat is None:
        raise InternalError("the restored process has ended")
    state = restoring.state
    state.pid, state.start = pid, stat.start
    state.descriptors = processes.read_streams(pid)
    state.namespaces |= CLONE_NEWTIME  # criu gives every process one, so that clocks go on
    restoring.store.save(state)
