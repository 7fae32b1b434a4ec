"""The last steps of every process that enters a container, in the order that the kernel's permissions demand."""

import os

from slipway.base.errors import FailedPrecondition, InternalError
from slipway.contracts.oci.runtime import Process
from slipway.linux import descriptors, prctl, seccomp, signals
from slipway.runc.confine import identity, labels, limits
from slipway.runc.confine.capabilities import CapabilityMasks
from slipway.runc.confine.seccomp import Filter
from slipway.runc.process.command import environment_from_list, find_program, home_of
from slipway.runc.report import words_of, write_quietly

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

_PERSONALITIES = {"LINUX": 0x0000, "LINUX32": 0x0008}


class Confinement:
    """All that limits one process; prepared by the parent, on the host."""

    __slots__ = ("apparmor", "filter", "masks", "personality", "preserved", "process")

    def __init__(self, process: Process, masks: CapabilityMasks, seccomp_filter: "Filter | None") -> None:
        self.process = process
        self.masks = masks
        self.filter = seccomp_filter
        self.apparmor = ""
        self.personality = ""
        self.preserved = 0


class Program:
    """What is executed, once everything else is done."""

    __slots__ = ("environment", "path")

    def __init__(self, path: str, environment: dict[str, str]) -> None:
        self.path = path
        self.environment = environment


def set_process_attributes(process: Process) -> None:
    """no_new_privs, scheduling and input/output priority: before the parent is told that we are ready."""
    if process.no_new_privileges:
        prctl.set_no_new_privileges()
    if process.scheduler is not None:
        limits.set_scheduler(process.scheduler)
    if process.io_priority is not None:
        limits.set_io_priority(process.io_priority)


def become(confinement: Confinement, root: int, own_proc: int, *, profile_last: bool) -> Program:
    """Filter, working directory, bounding set, user, capabilities; and find the program as that user.

    Without no_new_privs loading a filter needs CAP_SYS_ADMIN, so it comes first; with it, last, so that a profile need
    not allow what happens here. `profile_last`: ask for the AppArmor profile here (exec) or not (it is done already).
    """
    process = confinement.process
    if confinement.filter is not None and not process.no_new_privileges:
        seccomp.load(confinement.filter.program, confinement.filter.flags)
    environment = environment_from_list(process.env)
    if "HOME" not in environment:
        environment["HOME"] = home_of(root, process.user.uid)
    changed = _change_directory(process.cwd)
    confinement.masks.limit_bounding()
    identity.become(process.user)
    if not changed and not _change_directory(process.cwd):
        raise FailedPrecondition(f'chdir to cwd ("{process.cwd}") set in config.json failed: permission denied')
    _check_working_directory()
    confinement.masks.apply()
    if profile_last and confinement.apparmor:
        labels.enter_profile_on_exec(own_proc, confinement.apparmor)
    if confinement.personality:
        prctl.set_personality(_PERSONALITIES[confinement.personality])
    path = find_program(process.args[0], environment.get("PATH", ""))
    if confinement.filter is not None and process.no_new_privileges:
        seccomp.load(confinement.filter.program, confinement.filter.flags)
    return Program(path, environment)


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


def execute(program: Program, confinement: Confinement) -> "NoReturn":
    """Nobody listens any more: a failure goes to the container's standard error, as with the original."""
    try:
        signals.reset_for_exec()
        _close_descriptors(confinement.preserved)
        os.execve(program.path, confinement.process.args, program.environment)
    except OSError as error:
        write_quietly(2, f"exec {program.path}: {words_of(OSError(error.errno, error.strerror))}\n")
    os._exit(255)


def _close_descriptors(preserved: int) -> None:
    """Closed, not only marked: the program's path could lead through one of them (CVE-2024-21626)."""
    descriptors.close_from(3 + preserved)
    for descriptor in range(3, 3 + preserved):
        os.set_inheritable(descriptor, True)
