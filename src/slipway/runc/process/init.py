"""The child that becomes a container's first process: namespaces, file tree, root, confinement, program."""

import errno
import os
import stat

from slipway.base.errors import EngineError, InternalError, PermissionDenied
from slipway.contracts.oci.runtime import IdMapping, Spec
from slipway.linux import mounts, namespaces, resolve
from slipway.linux.libc import os_error
from slipway.linux.memory_policy import set_memory_policy
from slipway.linux.mount_flags import MOUNT_ATTR_RDONLY
from slipway.linux.namespace_flags import CLONE_NEWCGROUP, CLONE_NEWNS
from slipway.runc.confine import cgroups, labels, limits
from slipway.runc.plan import operations
from slipway.runc.plan.container import ContainerPlan
from slipway.runc.plan.namespaces import NamespacePlan
from slipway.runc.process import apply, handshake, root
from slipway.runc.process.become import Confinement, Program, become, execute, set_process_attributes
from slipway.runc.process.console import set_up_console
from slipway.runc.process.enter_namespaces import NamespaceFile, change_namespaces, close_namespaces
from slipway.runc.process.guard import shut_interpreter
from slipway.runc.process.handshake import Channel
from slipway.runc.process.hooks import oci_state, run_hooks
from slipway.runc.process.keyring import join_keyring
from slipway.runc.process.workspace import Workspace, open_host_proc
from slipway.runc.report import words_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from slipway.runc.process.unit import Unit

_NULL = os.makedev(1, 3)
_FIFO_LIMIT = 4096  # bytes that are written at once or not at all (pipe(7), PIPE_BUF)


class InitRequest:
    """Everything that init needs, made by the parent before the fork: nothing is read or loaded afterwards.

    `console` is a connected socket or -1; `fifo` an O_PATH descriptor of the exec fifo. `propagation` (MS_*) is the
    root's. `uid_mappings`, `gid_mappings`: of the user namespace, also of a joined one; `namespace_files`: what is
    joined. `memory_policy`: mode and nodes, as set_mempolicy(2) takes them. `unit` is None unless systemd makes the
    groups. `as_user`: the caller is no root; `rootless_groups`: that a group may not be made or set is no error;
    then `own_groups` are those that the caller is in.
    `forks_inside`: the PID namespace can only be entered from the container's user namespace, so by init itself.
    """

    __slots__ = (
        "as_user",
        "bundle",
        "confinement",
        "console",
        "fifo",
        "forks_inside",
        "gid_mappings",
        "groups",
        "id",
        "keyring",
        "memory_policy",
        "namespace_files",
        "namespaces",
        "own_groups",
        "pivot",
        "plan",
        "points",
        "propagation",
        "rootfs",
        "rootless_groups",
        "spec",
        "uid_mappings",
        "unit",
    )

    def __init__(self, container: str, bundle: str, rootfs: str, spec: Spec) -> None:
        self.id = container
        self.bundle = bundle
        self.rootfs = rootfs
        self.spec = spec
        self.plan: ContainerPlan
        self.namespaces: NamespacePlan
        self.namespace_files: list[NamespaceFile] = []
        self.uid_mappings: list[IdMapping] = []
        self.gid_mappings: list[IdMapping] = []
        self.confinement: Confinement
        self.groups: dict[str, str] = {}
        self.points: dict[str, str] = {}
        self.memory_policy: tuple[int, int] | None = None
        self.console = -1
        self.fifo = -1
        self.keyring = True
        self.pivot = True
        self.propagation = 0
        self.as_user = False
        self.forks_inside = False
        self.rootless_groups = False
        self.own_groups: dict[str, str] = {}
        self.unit: Unit | None = None


def run_init(request: InitRequest, channel: Channel) -> "NoReturn":
    """Never returns: the process becomes the container's program, or reports why not and exits."""
    try:
        _become_container(request, channel)
    except (OSError, EngineError) as error:
        handshake.fail(channel, words_of(error))
    except BaseException as error:  # noqa: BLE001 - the edge of this process
        handshake.fail(channel, f"internal error: {words_of(error)}")
    os._exit(255)


def _become_container(request: InitRequest, channel: Channel) -> "NoReturn":
    process = request.confinement.process
    os.umask(0)
    if process.oom_score_adj is not None:
        limits.set_oom_score(process.oom_score_adj)
    groups = _Groups(request, channel)
    proc = open_host_proc()
    linux = request.spec.linux
    if request.namespaces.has_user or request.namespaces.path_of(CLONE_NEWNS):
        groups.wait()  # there the groups can no longer be written, or not be named
    if linux.time_offsets or linux.net_devices or request.forks_inside:
        groups.wait()  # the first GO is for the groups: it must not be taken for the answer to a question
    if request.namespaces.path_of(CLONE_NEWNS):
        shut_interpreter(channel)  # somebody else's files are in sight from here on
    change_namespaces(
        request.namespaces,
        request.namespace_files,
        channel,
        offsets=bool(linux.time_offsets),
        devices=bool(linux.net_devices),
        as_user=request.as_user,
        forks_inside=request.forks_inside,
    )
    close_namespaces(request.namespace_files)
    os.setsid()
    fetch = _fetching(request, channel, groups)
    workspace = Workspace(proc, request.rootfs, request.groups, request.points, groups.wait, fetch)
    workspace.own_groups = request.own_groups
    workspace.binds_devices = request.namespaces.has_user
    if request.keyring:
        join_keyring(workspace.own_proc, request.id, request.confinement.selinux, searchable=True)
    _build_tree(request, channel, workspace)
    shut_interpreter(channel)
    _enter_tree(request, workspace)
    channel.send(handshake.READY)
    channel.wait_go()
    if request.memory_policy is not None:
        set_memory_policy(*request.memory_policy)
    set_process_attributes(request.confinement)
    program = become(request.confinement, workspace.root, workspace.own_proc, channel, profile_last=False)
    channel.close()
    fifo = _wait_for_start(request, workspace, program)
    execute(program, request.confinement, workspace.own_proc, fifo)


def _fetching(request: InitRequest, channel: Channel, groups: "_Groups") -> "Callable[[operations.BindMount], int]":
    def fetch(step: operations.BindMount) -> int:
        if request.as_user:
            raise PermissionDenied(f"open {step.source}: permission denied")  # to the parent, too
        groups.wait()  # as above: the next GO is then the answer
        channel.send(handshake.SOURCE, str(request.plan.build.index(step)).encode())
        return channel.wait_descriptor()

    return fetch


class _Groups:
    """Waits, once, for this process's groups and joins them; a new cgroup namespace then takes them as its roots."""

    __slots__ = ("_channel", "_flags", "_groups", "_inside")

    def __init__(self, request: InitRequest, channel: Channel) -> None:
        self._channel = channel
        self._groups = request.groups
        # With a user namespace the cgroup namespace must be that one's, and is made later, with the others.
        self._flags = 0 if request.namespaces.has_user else request.namespaces.new & CLONE_NEWCGROUP
        self._inside = False

    def wait(self) -> None:
        if self._inside:
            return
        self._inside = True
        self._channel.wait_go()
        cgroups.join_groups(self._groups)
        limits.set_cpus(None, "")
        if self._flags:
            namespaces.unshare(CLONE_NEWCGROUP)


def _build_tree(request: InitRequest, channel: Channel, workspace: Workspace) -> None:
    """The new root with everything mounted, while the host's files can still be named."""
    if request.namespaces.all_flags & CLONE_NEWNS:
        workspace.root = root.prepare_root(request.rootfs, request.propagation)
    else:
        workspace.root = os.open(request.rootfs, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    apply.apply_all(workspace, request.plan.build)
    workspace.await_groups()
    hooks = request.spec.hooks
    if hooks.prestart or hooks.create_runtime:
        channel.send(handshake.TREE)
        channel.wait_go()
    if hooks.create_container:
        os.chdir(request.rootfs)
        state = oci_state(request.id, "creating", os.getpid(), request.bundle, request.spec.annotations)
        run_hooks("createContainer", hooks.create_container, state, {})  # the host's environment is not theirs


def _enter_tree(request: InitRequest, workspace: Workspace) -> None:
    process = request.confinement.process
    root.enter_root(
        workspace.root,
        own_mounts=bool(request.namespaces.all_flags & CLONE_NEWNS),
        pivot=request.pivot,
        propagation=request.propagation,
    )
    if request.plan.own_devices:
        _reopen_null(workspace)
    apply.apply_all(workspace, [operations.MakeDirectory(process.cwd)])
    if request.console >= 0:
        set_up_console(workspace.root, request.console, process.console_size, make_device=True)
    for mount in workspace.late_readonly:
        mounts.set_attributes(mount, add=MOUNT_ATTR_RDONLY)
    os.umask(0o022 if request.confinement.umask is None else request.confinement.umask)
    if request.confinement.apparmor:
        labels.enter_profile_on_exec(workspace.own_proc, request.confinement.apparmor)
    apply.apply_all(workspace, request.plan.finish)


def _reopen_null(workspace: Workspace) -> None:
    """Descriptors 0, 1 and 2 that point to the host's /dev/null shall point to the container's."""
    null = resolve.open_in_root(workspace.root, "/dev/null")
    try:
        if not _is_null(null):  # looked at before it is opened: an image's own could be anything
            raise os_error(errno.ENXIO, "container's /dev/null is invalid")
        opened = os.open(f"fd/{null}", os.O_RDWR | os.O_CLOEXEC, dir_fd=workspace.own_proc)
    finally:
        os.close(null)
    for descriptor in (0, 1, 2):
        if _is_null(descriptor):
            os.dup2(opened, descriptor)
    os.close(opened)


def _is_null(descriptor: int) -> bool:
    status = os.fstat(descriptor)
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == _NULL


def _wait_for_start(request: InitRequest, workspace: Workspace, program: Program) -> int:
    """Blocks in open(2) until `start` opens the fifo for reading; tells it then whether the program will run.

    The container is still "created" while its startContainer hooks run. Their failure is `start`'s. Where `start` is to
    know when the program is executed, the fifo stays open until then, and is returned; else -1.
    """
    try:
        fifo = os.open(f"fd/{request.fifo}", os.O_WRONLY | os.O_CLOEXEC, dir_fd=workspace.own_proc)
    except OSError as error:
        raise InternalError(f"reopen exec fifo: {words_of(error)}") from None
    hooks = request.spec.hooks.start_container
    if hooks:
        state = oci_state(request.id, "created", os.getpid(), request.bundle, request.spec.annotations)
        try:
            run_hooks("startContainer", hooks, state, program.environment)
        except EngineError as error:
            os.write(fifo, str(error).encode("utf-8", "replace")[:_FIFO_LIMIT])
            os._exit(255)
    os.write(fifo, b"0")
    if request.spec.hooks.poststart:
        return fifo
    os.close(fifo)
    return -1
