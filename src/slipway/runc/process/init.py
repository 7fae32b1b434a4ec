"""The child that becomes a container's first process: namespaces, file tree, root, confinement, program."""

import errno
import os
import stat

from slipway.base.errors import EngineError, InternalError
from slipway.contracts.oci.runtime import Spec
from slipway.linux import interfaces, mounts, namespaces, prctl, resolve
from slipway.linux.libc import os_error
from slipway.linux.mount_flags import MOUNT_ATTR_RDONLY
from slipway.linux.namespace_flags import CLONE_NEWCGROUP, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUSER
from slipway.runc.confine import cgroups, labels, limits
from slipway.runc.plan import operations
from slipway.runc.plan.container import ContainerPlan
from slipway.runc.plan.namespaces import NamespacePlan
from slipway.runc.process import apply, handshake, root
from slipway.runc.process.become import Confinement, become, execute, set_process_attributes
from slipway.runc.process.console import set_up_console
from slipway.runc.process.guard import shut_interpreter
from slipway.runc.process.handshake import Channel
from slipway.runc.process.hooks import oci_state, run_hooks
from slipway.runc.process.workspace import Workspace
from slipway.runc.report import words_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

_NULL = os.makedev(1, 3)
# Search permission for the user: without it the keyring cannot be found by a process of another user id.
_KEYRING_SEARCH = 0x80000


class InitRequest:
    """Everything that init needs, made by the parent before the fork: nothing is read or loaded afterwards.

    `console` is a connected socket or -1; `fifo` an O_PATH descriptor of the exec fifo. `propagation` (MS_*) is the
    root's.
    """

    __slots__ = (
        "bundle",
        "confinement",
        "console",
        "fifo",
        "groups",
        "id",
        "keyring",
        "namespaces",
        "pivot",
        "plan",
        "points",
        "propagation",
        "rootfs",
        "spec",
    )

    def __init__(self, container: str, bundle: str, rootfs: str, spec: Spec) -> None:
        self.id = container
        self.bundle = bundle
        self.rootfs = rootfs
        self.spec = spec
        self.plan: ContainerPlan
        self.namespaces: NamespacePlan
        self.confinement: Confinement
        self.groups: dict[str, str] = {}
        self.points: dict[str, str] = {}
        self.console = -1
        self.fifo = -1
        self.keyring = True
        self.pivot = True
        self.propagation = 0


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
    if request.namespaces.all_flags & CLONE_NEWUSER or request.namespaces.path_of(CLONE_NEWNS):
        groups.wait()  # there the groups can no longer be written, or not be named
    _change_namespaces(request, channel)
    os.setsid()
    workspace = Workspace(request.rootfs, request.groups, request.points, groups.wait)
    if request.keyring:
        _join_keyring(request.id)
    _build_tree(request, channel, workspace)
    shut_interpreter(channel)
    _enter_tree(request, workspace)
    set_process_attributes(process)
    channel.send(handshake.READY)
    channel.wait_go()
    program = become(request.confinement, workspace.root, workspace.own_proc, profile_last=False)
    channel.close()
    _wait_for_start(request, workspace)
    if request.spec.hooks.start_container:
        state = oci_state(request.id, "created", os.getpid(), request.bundle, request.spec.annotations)
        run_hooks("startContainer", request.spec.hooks.start_container, state, program.environment)
    execute(program, request.confinement)


class _Groups:
    """Waits, once, for this process's groups and joins them; a new cgroup namespace then takes them as its roots."""

    __slots__ = ("_channel", "_flags", "_groups", "_inside")

    def __init__(self, request: InitRequest, channel: Channel) -> None:
        self._channel = channel
        self._groups = request.groups
        self._flags = request.namespaces.new & CLONE_NEWCGROUP
        self._inside = False

    def wait(self) -> None:
        if self._inside:
            return
        self._inside = True
        self._channel.wait_go()
        cgroups.join_groups(self._groups)
        if self._flags:
            namespaces.unshare(CLONE_NEWCGROUP)


def _change_namespaces(request: InitRequest, channel: Channel) -> None:
    """The user namespace first, as it owns the others; the mount namespace last, as it may hide the others' files."""
    plan = request.namespaces
    for flag, path in plan.joined:
        if flag != CLONE_NEWPID:  # the parent did, before the fork
            namespaces.join_path(path, flag)
    if plan.new & CLONE_NEWUSER:
        namespaces.unshare(CLONE_NEWUSER)
        channel.send(handshake.MAP)
        channel.wait_go()
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)
    namespaces.unshare(plan.new & ~(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWCGROUP))
    if plan.new & CLONE_NEWNET:
        interfaces.bring_loopback_up()
    if plan.new & CLONE_NEWUSER and plan.new & CLONE_NEWPID:
        _fork_into_pid_namespace(channel)


def _fork_into_pid_namespace(channel: Channel) -> None:
    """A PID namespace that the new user namespace owns can only be made here: init is then a child of this process.

    This process ends, and init becomes the child of the next subreaper, which the parent is.
    """
    namespaces.unshare(CLONE_NEWPID)
    pid = os.fork()
    if pid:
        channel.send(handshake.INIT, str(pid).encode())
        os._exit(0)
    channel.wait_go()


def _join_keyring(container: str) -> None:
    try:
        keyring = prctl.join_session_keyring(f"_ses.{container}")
        prctl.add_keyring_permissions(keyring, _KEYRING_SEARCH)
    except OSError as error:
        if error.errno != errno.ENOSYS:
            raise


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
        run_hooks("createContainer", hooks.create_container, state)


def _enter_tree(request: InitRequest, workspace: Workspace) -> None:
    process = request.confinement.process
    root.enter_root(
        workspace.root,
        own_mounts=bool(request.namespaces.all_flags & CLONE_NEWNS),
        pivot=request.pivot,
        propagation=request.propagation,
    )
    if request.plan.own_devices:
        _reopen_null(workspace.root)
    apply.apply_all(workspace, [operations.MakeDirectory(process.cwd)])
    if request.console >= 0:
        set_up_console(workspace.root, request.console, process.console_size, make_device=True)
    for mount in workspace.late_readonly:
        mounts.set_attributes(mount, add=MOUNT_ATTR_RDONLY)
    os.umask(0o022 if process.user.umask is None else process.user.umask)
    if request.confinement.apparmor:
        labels.enter_profile_on_exec(workspace.own_proc, request.confinement.apparmor)
    apply.apply_all(workspace, request.plan.finish)


def _reopen_null(container_root: int) -> None:
    """Descriptors 0, 1 and 2 that point to the host's /dev/null shall point to the container's."""
    null = resolve.open_in_root(container_root, "/dev/null", os.O_RDWR)
    try:
        if not _is_null(null):
            raise os_error(errno.ENXIO, "container's /dev/null is invalid")
        for descriptor in (0, 1, 2):
            if _is_null(descriptor):
                os.dup2(null, descriptor)
    finally:
        os.close(null)


def _is_null(descriptor: int) -> bool:
    status = os.fstat(descriptor)
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == _NULL


def _wait_for_start(request: InitRequest, workspace: Workspace) -> None:
    """Blocks in open(2) until `start` opens the fifo for reading."""
    try:
        fifo = os.open(f"fd/{request.fifo}", os.O_WRONLY | os.O_CLOEXEC, dir_fd=workspace.own_proc)
    except OSError as error:
        raise InternalError(f"reopen exec fifo: {words_of(error)}") from None
    os.write(fifo, b"0")
    os.close(fifo)
