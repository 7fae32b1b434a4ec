"""Everything that a new container's init needs, gathered on the host before the fork: nothing is looked up later."""

import os

from slipway.base.errors import FailedPrecondition, InvalidArgument, NotImplementedByEngine
from slipway.contracts.oci.runtime import IntelRdt, Linux, Process, Spec
from slipway.linux import capabilities, cgroups, descriptors
from slipway.linux.mount_flags import MS_PRIVATE, MS_REC
from slipway.linux.namespace_flags import CLONE_NEWPID
from slipway.linux.user_namespace import is_machine_root
from slipway.runc.bundle import Bundle
from slipway.runc.confine import labels
from slipway.runc.confine.capabilities import CapabilityMasks
from slipway.runc.confine.seccomp import Filter, filter_from_profile
from slipway.runc.plan.cgroup_paths import check_not_root, plan_cgroups
from slipway.runc.plan.container import plan_container
from slipway.runc.plan.mount_options import propagation_from_word
from slipway.runc.plan.namespaces import plan_namespaces
from slipway.runc.plan.rootless import check_rootless
from slipway.runc.process.announce import dial
from slipway.runc.process.become import Confinement
from slipway.runc.process.init import InitRequest
from slipway.runc.process.prepare_namespaces import prepare_namespaces
from slipway.runc.report import words_of
from slipway.runc.spec.validate import PERSONALITIES
from slipway.runc.spec.validate_linux import memory_policy_from_spec
from slipway.runc.state.store import StateStore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from slipway.runc.process.stage import Stage


# Where resctrl is mounted only by root, on processors that have it; the root itself is always a group.
_RESCTRL = "/sys/fs/resctrl/schemata"


class CreateOptions:
    """What the command line and the environment say about a new container.

    `passed` descriptors from 3 on are listening sockets, `preserved` ones follow. `notify` is the folder of the socket
    for sd_notify(3), or "". `rootless_groups`: groups that may not be made are no error. `warn` takes sentences that
    stop nothing; `debug`, unless it is None, all that is planned and done. `stage`: of a rehearsal.
    """

    __slots__ = (
        "console_socket",
        "container",
        "debug",
        "keyring",
        "notify",
        "passed",
        "pid_file",
        "pidfd_socket",
        "pivot",
        "preserved",
        "rootless_groups",
        "stage",
        "systemd",
        "warn",
    )

    def __init__(self, container: str) -> None:
        self.container = container
        self.console_socket = ""
        self.pid_file = ""
        self.pivot = True
        self.keyring = True
        self.notify = ""
        self.passed = 0
        self.pidfd_socket = ""
        self.preserved = 0
        self.rootless_groups = False
        self.systemd = False
        self.warn: Callable[[str], None] = lambda _: None
        self.debug: Callable[[str], None] | None = None
        self.stage: Stage | None = None


def prepare_init(store: StateStore, bundle: Bundle, options: CreateOptions) -> InitRequest:
    """Raises InvalidArgument or FailedPrecondition for what cannot be; touches nothing but the seccomp cache."""
    spec = bundle.spec
    if spec.process is None:
        raise InvalidArgument("process property must not be empty")
    check_machine(spec.linux)
    request = InitRequest(options.container, bundle.path, _real_rootfs(spec, bundle.path), spec)
    has_kcore = os.path.exists("/proc/kcore")
    request.plan = plan_container(spec, bundle.path, rootfs=request.rootfs, has_kcore=has_kcore)
    request.namespaces = plan_namespaces(spec.linux.namespaces)
    prepare_namespaces(request, spec)
    request.as_user = os.geteuid() != 0
    request.forks_inside = _forks_inside(request)
    request.rootless_groups = options.rootless_groups
    if request.as_user:
        check_rootless(spec, request.uid_mappings, request.gid_mappings)
    hierarchies = cgroups.discover() if options.stage is None else options.stage.hierarchies
    if spec.linux.resources.unified and not hierarchies.unified:
        raise InvalidArgument("invalid configuration: cannot use unified on cgroup v1")
    request.points = hierarchies.points
    _plan_groups(request, hierarchies.points, by_systemd=options.systemd)
    seccomp_filter = filter_from_profile(spec.linux.seccomp, bundle.profile_source(), store.filter_cache)
    request.confinement = confine_process(spec.process, seccomp_filter, options.passed + options.preserved)
    if spec.linux.personality is not None:
        request.confinement.personality = PERSONALITIES[spec.linux.personality.domain]
    request.confinement.own_cpus = bool(spec.linux.resources.cpu.cpus)
    if spec.linux.memory_policy is not None:
        request.memory_policy = memory_policy_from_spec(spec.linux.memory_policy)
    request.keyring = options.keyring
    request.pivot = options.pivot
    request.propagation = _root_propagation(spec)
    if request.propagation & MS_PRIVATE and not request.pivot:
        raise InvalidArgument("rootfsPropagation of [r]private is not safe without pivot_root")
    return request


def _forks_inside(request: InitRequest) -> bool:
    """Who has no privileges in the machine's own PID namespace could not go back to it."""
    plan = request.namespaces
    if not is_machine_root():
        return bool(plan.all_flags & CLONE_NEWPID)
    return plan.has_user and bool(plan.new & CLONE_NEWPID)


def _plan_groups(request: InitRequest, points: dict[str, str], *, by_systemd: bool) -> None:
    if by_systemd:
        from slipway.runc.process.unit import plan_container_unit  # D-Bus is not for those who make groups by file

        plan_container_unit(request, points)
    else:
        request.groups = plan_cgroups(request.spec.linux.cgroups_path, request.id, points, cgroups.own_groups())
    check_not_root(request.groups, points)


def check_machine(linux: Linux) -> None:
    """What this kernel has no part for is refused, in the original's words where it has any."""
    if linux.mount_label and not labels.selinux_is_enabled():
        raise FailedPrecondition("mountLabel is specified in config, but selinux is disabled or not supported")
    if linux.intel_rdt is not None:
        _check_intel_rdt(linux.intel_rdt)
    _check_network_sysctls(linux)


def _check_network_sysctls(linux: Linux) -> None:
    """A network namespace that is joined by path may be our own, where a sysctl would change the host's."""
    path = next((namespace.path for namespace in linux.namespaces if namespace.kind == "network"), "")
    key = next((key for key in linux.sysctl if key.startswith(("net.", "net/"))), "")
    if not path or not key:
        return
    try:
        is_ours = os.path.samefile(path, "/proc/self/ns/net")
    except OSError as error:
        raise InvalidArgument(f"invalid netns path: {words_of(error)}") from None
    if is_ours:
        raise InvalidArgument(f'sysctl "{key}" not allowed in host network namespace')


def _check_intel_rdt(wanted: IntelRdt) -> None:
    if wanted.group in (".", "..") or "/" in wanted.group:
        raise InvalidArgument(f'invalid intelRdt.ClosID "{wanted.group}"')
    if os.path.exists(_RESCTRL):
        raise NotImplementedByEngine("linux.intelRdt is not implemented")
    if wanted.l3_cache:
        raise FailedPrecondition("intelRdt.l3CacheSchema is specified in config, but Intel RDT/CAT is not enabled")
    if wanted.memory_bandwidth:
        raise FailedPrecondition("intelRdt.memBwSchema is specified in config, but Intel RDT/MBA is not enabled")
    raise FailedPrecondition("intelRdt is specified in config, but no resctrl file system is mounted")


def confine_process(process: Process, seccomp_filter: "Filter | None", preserved: int) -> Confinement:
    """What limits one process, checked against this machine. Raises FailedPrecondition.

    It keeps the `preserved` descriptors from 3 on, which the caller has checked.
    """
    masks = CapabilityMasks(process.capabilities, capabilities.last_known())
    confinement = Confinement(process, masks, seccomp_filter)
    if process.apparmor_profile:
        if not labels.apparmor_is_enabled():
            raise FailedPrecondition("apparmor: config provided but apparmor not supported")
        confinement.apparmor = process.apparmor_profile
    if process.selinux_label:
        if not labels.selinux_is_enabled():
            raise FailedPrecondition("selinux label is specified in config, but selinux is disabled or not supported")
        confinement.selinux = process.selinux_label
    confinement.preserved = preserved
    confinement.as_user = os.geteuid() != 0
    descriptors.close_on_exec_from(3)  # hooks and helpers get none of them; the program gets those preserved
    return confinement


def warn_of_capabilities(confinement: Confinement, warn: "Callable[[str], None]") -> None:
    """In the original's words, of names that the kernel or this table does not know: a newer caller may know more."""
    if confinement.masks.unknown:
        warn(f"ignoring unknown or unavailable capabilities: [{' '.join(confinement.masks.unknown)}]")


def open_console(process: Process, path: str, *, detached: bool) -> int:
    """Connect to the console socket, if the process wants a terminal; -1 otherwise. Raises InvalidArgument, OSError."""
    check_console(process, path, detached=detached)
    return dial(path) if path else -1


def check_console(process: Process, path: str, *, detached: bool) -> None:
    """Who is to hold the terminal's master must be clear. Raises InvalidArgument."""
    if detached and process.terminal and not path:
        raise InvalidArgument("cannot allocate tty if runc will detach without setting console socket")
    if path and not (detached and process.terminal):
        raise InvalidArgument("cannot use console socket if runc will not detach or allocate tty")


def _real_rootfs(spec: Spec, bundle: str) -> str:
    assert spec.root is not None
    path = os.path.realpath(os.path.join(bundle, spec.root.path))
    if not os.path.exists(path):
        raise InvalidArgument(f"invalid rootfs: stat {path}: no such file or directory")
    if not os.path.isdir(path):
        raise InvalidArgument(f"invalid rootfs: {path} is not a directory")
    if path == "/":
        raise InvalidArgument("invalid rootfs: the host's root cannot be a container's")
    return path


def _root_propagation(spec: Spec) -> int:
    word = spec.linux.rootfs_propagation
    if not word:
        return 0
    parsed = propagation_from_word(word)
    if parsed is None:
        raise InvalidArgument(f"rootfsPropagation={word} is not supported")
    flag, recursive = parsed
    return flag | MS_REC if recursive else flag
