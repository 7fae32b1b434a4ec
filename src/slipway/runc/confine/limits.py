"""Resource limits of one process, its out-of-memory score and scheduling."""

import os
import resource

from slipway.base.errors import FailedPrecondition, InternalError, InvalidArgument, PermissionDenied
from slipway.contracts.oci.runtime import IoPriority, Rlimit, Scheduler
from slipway.linux import prctl
from slipway.runc.report import words_of
from slipway.runc.spec.validate import IO_CLASSES

# Those that the `resource` module does not name. Source: asm-generic/resource.h.
_EXTRA = {"RLIMIT_LOCKS": 10, "RLIMIT_SIGPENDING": 11, "RLIMIT_MSGQUEUE": 12, "RLIMIT_NICE": 13, "RLIMIT_RTPRIO": 14}
_EXTRA["RLIMIT_RTTIME"] = 15
_SIGNED_MAXIMUM = (1 << 63) - 1

_EVERY_CPU = frozenset(range(1024))  # the C library's CPU_SETSIZE; the kernel leaves out those that are not there

_POLICIES = {
    "SCHED_OTHER": 0,
    "SCHED_FIFO": 1,
    "SCHED_RR": 2,
    "SCHED_BATCH": 3,
    "SCHED_ISO": 4,
    "SCHED_IDLE": 5,
    "SCHED_DEADLINE": 6,
}
_SCHEDULER_FLAGS = {
    "SCHED_FLAG_RESET_ON_FORK": 0x01,
    "SCHED_FLAG_RECLAIM": 0x02,
    "SCHED_FLAG_DL_OVERRUN": 0x04,
    "SCHED_FLAG_KEEP_POLICY": 0x08,
    "SCHED_FLAG_KEEP_PARAMS": 0x10,
    "SCHED_FLAG_UTIL_CLAMP_MIN": 0x20,
    "SCHED_FLAG_UTIL_CLAMP_MAX": 0x40,
}


def set_rlimits(pid: int, limits: list[Rlimit]) -> None:
    """From outside, with the caller's privileges. Raises InternalError in the original's words."""
    for limit in limits:
        number = _EXTRA.get(limit.kind)
        if number is None:
            number = getattr(resource, limit.kind)
        try:
            resource.prlimit(pid, number, (_value(limit.soft), _value(limit.hard)))
        except (OSError, ValueError) as error:
            reason = words_of(error) if isinstance(error, OSError) else "invalid argument"
            raise InternalError(
                f"error setting rlimits for ready process: error setting rlimit type {number}: {reason}"
            ) from None


def _value(limit: int) -> int:
    return resource.RLIM_INFINITY if limit > _SIGNED_MAXIMUM else limit


def set_oom_score(score: int) -> None:
    """Of this process, which still sees the host's /proc, alone. Lowering the score needs CAP_SYS_RESOURCE.

    An ordinary user's process that is not dumpable, as ours, does not own its files in /proc: it is for a moment.
    """
    as_user = os.geteuid() != 0
    if as_user:
        prctl.set_dumpable(True)
    try:
        descriptor = os.open("/proc/self/oom_score_adj", os.O_RDWR | os.O_CLOEXEC)
    finally:
        if as_user:
            prctl.set_dumpable(False)
    try:
        if int(os.read(descriptor, 16)) != score:
            os.pwrite(descriptor, str(score).encode(), 0)
    except PermissionError:
        # Clients take "permission denied" for the container's command, and end with 126.
        raise PermissionDenied(
            "failed to update /proc/self/oom_score_adj: lowering it needs CAP_SYS_RESOURCE"
        ) from None
    except OSError as error:
        raise OSError(error.errno, error.strerror, "failed to update /proc/self/oom_score_adj") from None
    finally:
        os.close(descriptor)


def set_io_priority(priority: IoPriority) -> None:
    prctl.set_io_priority(IO_CLASSES[priority.kind], priority.priority)


def set_scheduler(scheduler: Scheduler, *, own_cpus: bool) -> None:
    """sched_setattr(2) for this process. `own_cpus`: its group is limited to some CPUs, where no deadline can hold."""
    if scheduler.policy not in _POLICIES:
        raise InvalidArgument(f"invalid scheduler policy: {scheduler.policy}")
    flags = 0
    for name in scheduler.flags:
        if name not in _SCHEDULER_FLAGS:
            raise InvalidArgument(f"invalid scheduler flag: {name}")
        flags |= _SCHEDULER_FLAGS[name]
    times = (scheduler.runtime, scheduler.deadline, scheduler.period)
    try:
        prctl.set_scheduler(_POLICIES[scheduler.policy], flags, scheduler.nice, scheduler.priority, *times)
    except PermissionError:
        if not own_cpus:
            raise
        raise FailedPrecondition("process scheduler can't be used together with AllowedCPUs") from None


def set_cpus(cpus: "frozenset[int] | None", what: str) -> None:
    """Where this process may run; None means everywhere that its group allows.

    Raises OSError with `what` for a set that the group does not allow. Since Linux 6.2 a group's new CPUs no longer
    undo what the caller of this program had been bound to (da019032819a).
    """
    try:
        os.sched_setaffinity(0, _EVERY_CPU if cpus is None else cpus)
    except OSError as error:
        if cpus is not None:
            raise OSError(error.errno, error.strerror, what) from None
