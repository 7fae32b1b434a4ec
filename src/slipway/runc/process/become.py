"""The last steps of every process that enters a container, in the order that the kernel's permissions demand."""

import os

from slipway.base.errors import FailedPrecondition, InternalError
from slipway.contracts.oci.runtime import Process
from slipway.linux import descriptors, prctl, seccomp, signals
from slipway.runc.confine import identity, labels, limits
from slipway.runc.confine.capabilities import CapabilityMasks
from slipway.runc.confine.seccomp import Filter
from slipway.runc.process import handshake
from slipway.runc.process.command import environment_from_list, find_program, home_of
from slipway.runc.process.handshake import Channel
from slipway.runc.report import words_of, write_quietly

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


class Confinement:
    """All that limits one process; prepared by the parent, on the host.

    `personality` is a domain's number, None for the inherited one. `selinux`: the label of the program, which is the
    process's. `umask`: what holds where the process's user says nothing. `own_cpus`: its group is limited to some CPUs.
    `as_user`: the caller of runc is no root.
    """

    __slots__ = (
        "apparmor",
        "as_user",
        "filter",
        "masks",
        "own_cpus",
        "personality",
        "preserved",
        "process",
        "selinux",
        "umask",
    )

    def __init__(self, process: Process, masks: CapabilityMasks, seccomp_filter: "Filter | None") -> None:
        self.process = process
        self.masks = masks
        self.filter = seccomp_filter
        self.apparmor = ""
        self.as_user = False
        self.own_cpus = False
        self.personality: int | None = None
        self.preserved = 0
        self.selinux = ""
        self.umask = process.user.umask


class Program:
    """What is executed, once everything else is done."""

    __slots__ = ("environment", "path")

    def __init__(self, path: str, environment: dict[str, str]) -> None:
        self.path = path
        self.environment = environment


def set_process_attributes(confinement: Confinement) -> None:
    """no_new_privs, scheduling and input/output priority.

    Only once the parent has answered that we are ready: then it has written the limits of our groups, on which
    real-time policies and deadlines depend.
    """
    process = confinement.process
    if process.no_new_privileges:
        prctl.set_no_new_privileges()
    if process.scheduler is not None:
        limits.set_scheduler(process.scheduler, own_cpus=confinement.own_cpus)
    if process.io_priority is not None:
        limits.set_io_priority(process.io_priority)


def become(confinement: Confinement, root: int, own_proc: int, channel: Channel, *, profile_last: bool) -> Program:
    """Working directory, filter, bounding set, user, capabilities; and find the program as that user.

    Without no_new_privs loading a filter needs CAP_SYS_ADMIN, so it comes first; with it, last, so that a profile need
    not allow what happens here. `profile_last`: ask for the AppArmor profile here (exec) or not (it is done already).
    """
    process = confinement.process
    if confinement.selinux:
        labels.enter_label_on_exec(own_proc, confinement.selinux)
    environment = environment_from_list(process.env)
    if "HOME" not in environment:
        environment["HOME"] = home_of(root, process.user.uid)  # by openat2(2), which the filter may not know
    changed = _change_directory(process.cwd)
    if changed:
        _check_working_directory()
    if confinement.filter is not None and not process.no_new_privileges:
        _load_filter(confinement.filter, channel)
    confinement.masks.limit_bounding()
    identity.become(process.user, own_proc, as_user=confinement.as_user)
    if not changed:
        if not _change_directory(process.cwd):
            raise FailedPrecondition(f'chdir to cwd ("{process.cwd}") set in config.json failed: permission denied')
        _check_working_directory()
    for warning in confinement.masks.apply():
        channel.send(handshake.WARNING, warning.encode())
    if profile_last and confinement.apparmor:
        labels.enter_profile_on_exec(own_proc, confinement.apparmor)
    if confinement.personality is not None:
        prctl.set_personality(confinement.personality)
    path = find_program(process.args[0], environment.get("PATH", ""))
    if confinement.filter is not None and process.no_new_privileges:
        _load_filter(confinement.filter, channel)
    return Program(path, environment)


def _load_filter(chosen: Filter, channel: Channel) -> None:
    """A filter that announces calls holds up every call that it names until somebody listens.

    So the descriptor goes to the parent by the one call that no filter may announce, `write`: the parent takes it.
    """
    listener = seccomp.load(chosen.program, chosen.flags)
    if chosen.listener is not None:
        channel.send(handshake.LISTENER, b"%d" % listener)
        channel.wait_go()
        os.close(listener)


def _change_directory(path: str) -> bool:
    """False if this user may not: the container's user may (a volume of his own), or the other way round."""
    try:
        os.chdir(path)
    except PermissionError:
        return False
    except OSError as error:
        reason = words_of(OSError(error.errno, error.strerror))
        raise InternalError(f'chdir to cwd ("{path}") set in config.json failed: {reason}') from None
    return True


def _check_working_directory() -> None:
    """CVE-2024-21626: a working directory such as /proc/self/fd/7 can lie outside the root; then getcwd(2) fails."""
    try:
        inside = os.getcwdb().startswith(b"/")
    except FileNotFoundError:
        inside = False
    if not inside:
        raise FailedPrecondition(
            "current working directory is outside of container mount namespace root -- "
            "possible container breakout detected"
        )


def execute(program: Program, confinement: Confinement, own_proc: int, kept: int = -1) -> "NoReturn":
    """Nobody listens any more: a failure goes to the container's standard error, as with the original.

    `own_proc` is this process's folder in procfs. The kernel closes `kept`, a FIFO or -1, once the program is executed.
    """
    try:
        signals.reset_for_exec()
        _close_descriptors(confinement.preserved, own_proc, kept)
        os.execve(program.path, confinement.process.args, program.environment)
    except OSError as error:
        write_quietly(2, f"exec {program.path}: {words_of(OSError(error.errno, error.strerror))}\n")
    os._exit(255)


def _close_descriptors(preserved: int, own_proc: int, kept: int) -> None:
    """Closed, not only marked: the program's path could lead through one of them (CVE-2024-21626), but not a FIFO."""
    first = 3 + preserved
    if kept >= 0:
        if first == own_proc:
            own_proc = os.dup(own_proc)
        if first != kept:
            os.dup2(kept, first, inheritable=False)
        first += 1
    try:
        descriptors.close_from(first)
    except OSError:  # the filter is older than close_range(2), and refuses it by an error of its choice
        descriptors.close_listed(own_proc, first)
    for descriptor in range(3, 3 + preserved):
        os.set_inheritable(descriptor, True)
