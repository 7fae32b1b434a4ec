"""Everything that a new container's init needs, gathered on the host before the fork: nothing is looked up later."""

import os

from slipway.base.errors import FailedPrecondition, InvalidArgument
from slipway.contracts.oci.runtime import Process, Spec
from slipway.linux import capabilities, cgroups, descriptors
from slipway.linux.mount_flags import MS_REC
from slipway.runc.bundle import Bundle
from slipway.runc.confine import labels
from slipway.runc.confine.capabilities import CapabilityMasks
from slipway.runc.confine.seccomp import Filter, filter_from_profile
from slipway.runc.plan.cgroup_paths import check_not_root, plan_cgroups
from slipway.runc.plan.container import plan_container
from slipway.runc.plan.mount_options import propagation_from_word
from slipway.runc.plan.namespaces import plan_namespaces
from slipway.runc.process.become import Confinement
from slipway.runc.process.init import InitRequest
from slipway.runc.state.store import StateStore


class CreateOptions:
    """What the command line says about a new container."""

    __slots__ = ("console_socket", "container", "keyring", "pid_file", "pivot", "preserved")

    def __init__(self, container: str) -> None:
        self.container = container
        self.console_socket = ""
        self.pid_file = ""
        self.pivot = True
        self.keyring = True
        self.preserved = 0


def prepare_init(store: StateStore, bundle: Bundle, options: CreateOptions) -> InitRequest:
    """Raises InvalidArgument or FailedPrecondition for what cannot be; touches nothing but the seccomp cache."""
    spec = bundle.spec
    if spec.process is None:
        raise InvalidArgument("process property must not be empty")
    request = InitRequest(options.container, bundle.path, _real_rootfs(spec, bundle.path), spec)
    request.plan = plan_container(spec, bundle.path, has_kcore=os.path.exists("/proc/kcore"))
    request.namespaces = plan_namespaces(spec.linux.namespaces)
    hierarchies = cgroups.discover()
    request.points = hierarchies.points
    request.groups = plan_cgroups(spec.linux.cgroups_path, options.container, hierarchies.points, cgroups.own_groups())
    check_not_root(request.groups, hierarchies.points)
    seccomp_filter = filter_from_profile(spec.linux.seccomp, bundle.profile_source(), store.filter_cache)
    request.confinement = confine_process(spec.process, seccomp_filter, options.preserved)
    request.confinement.personality = spec.linux.personality
    request.keyring = options.keyring
    request.pivot = options.pivot
    request.propagation = _root_propagation(spec)
    return request


def confine_process(process: Process, seccomp_filter: "Filter | None", preserved: int) -> Confinement:
    """What limits one process, checked against this machine. Raises FailedPrecondition."""
    masks = CapabilityMasks(process.capabilities, capabilities.last_known())
    confinement = Confinement(process, masks, seccomp_filter)
    if process.apparmor_profile:
        if not labels.apparmor_is_enabled():
            raise FailedPrecondition("apparmor: config provided but apparmor not supported")
        confinement.apparmor = process.apparmor_profile
    for descriptor in range(3, 3 + preserved):
        try:
            os.fstat(descriptor)
        except OSError:
            raise InvalidArgument(f"unable to stat preserved-fd {descriptor - 3} (of {preserved})") from None
    confinement.preserved = preserved
    return confinement


def open_console(process: Process, path: str, *, detached: bool) -> int:
    """Connect to the console socket, if the process wants a terminal; -1 otherwise. Raises InvalidArgument, OSError."""
    if detached and process.terminal and not path:
        raise InvalidArgument("cannot allocate tty if runc will detach without setting console socket")
    if path and not (detached and process.terminal):
        raise InvalidArgument("cannot use console socket if runc will not detach or allocate tty")
    return descriptors.connect_unix(path) if path else -1


def _real_rootfs(spec: Spec, bundle: str) -> str:
    assert spec.root is not None
    path = os.path.realpath(os.path.join(bundle, spec.root.path))
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
