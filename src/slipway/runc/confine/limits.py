"""Resource limits of one process, its out-of-memory score and scheduling."""

import os
import resource

from slipway.base.errors import InternalError, InvalidArgument, PermissionDenied
from slipway.contracts.oci.runtime import IoPriority, Rlimit, Scheduler
from slipway.linux import prctl
from slipway.runc.report import words_of

# Those that the `resource` module does not name. Source: asm-generic/resource.h.
_EXTRA = {"RLIMIT_LOCKS": 10, "RLIMIT_SIGPENDING": 11, "RLIMIT_MSGQUEUE": 12, "RLIMIT_NICE": 13, "RLIMIT_RTPRIO": 14}
_EXTRA["RLIMIT_RTTIME"] = 15
_SIGNED_MAXIMUM = (1 << 63) - 1

_IO_CLASSES = {"IOPRIO_CLASS_RT": 1, "IOPRIO_CLASS_BE": 2, "IOPRIO_CLASS_IDLE": 3}
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
    """Of this process, which still sees the host's /proc. Lowering the score needs CAP_SYS_RESOURCE."""
    descriptor = os.open("/proc/self/oom_score_adj", os.O_RDWR | os.O_CLOEXEC)
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
    if priority.kind not in _IO_CLASSES:
        raise InvalidArgument(f"invalid ioPriority.class: {priority.kind}")
    prctl.set_io_priority(_IO_CLASSES[priority.kind], priority.priority)


def set_scheduler(scheduler: Scheduler) -> None:
    if scheduler.policy not in _POLICIES:
        raise InvalidArgument(f"invalid scheduler policy: {scheduler.policy}")
    flags = 0
    for name in scheduler.flags:
        if name not in _SCHEDULER_FLAGS:
            raise InvalidArgument(f"invalid scheduler flag: {name}")
        flags |= _SCHEDULER_FLAGS[name]
    prctl.set_scheduler(
        _POLICIES[scheduler.policy],
        flags,
        scheduler.nice,
        scheduler.priority,
        scheduler.runtime,
        scheduler.deadline,
        scheduler.period,
    )
