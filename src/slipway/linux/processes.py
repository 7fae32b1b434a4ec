"""Other processes, without mistaking a new one for an old one of the same number: pid and start time, pidfds."""

import _signal  # type: ignore[import-not-found]  # `signal` imports enum
import errno
import os

_PF_EXITING = 0x4  # linux/sched.h; the field `flags` of proc_pid_stat(5)


class ProcessStat:
    """What /proc/PID/stat says: state letter, parent, start time in clock ticks since boot."""

    __slots__ = ("parent", "start", "state")

    def __init__(self, state: str, parent: int, start: int) -> None:
        self.state = state
        self.parent = parent
        self.start = start

    def is_dead(self) -> bool:
        return self.state in ("Z", "X")


def read_stat(pid: int) -> "ProcessStat | None":
    """None if there is no such process."""
    try:
        descriptor = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        line = os.read(descriptor, 4096)
    except ProcessLookupError:
        return None
    finally:
        os.close(descriptor)
    # The name in parentheses may itself hold blanks and parentheses: fields count from the last one.
    fields = line[line.rindex(b")") + 2 :].split()
    return ProcessStat(fields[0].decode("ascii"), int(fields[1]), int(fields[19]))


def is_alive(pid: int, start: int) -> bool:
    """Whether the process that started at `start` still runs (a zombie does not)."""
    if pid <= 0:
        return False
    stat = read_stat(pid)
    return stat is not None and stat.start == start and not stat.is_dead()


def is_ending(pid: int) -> bool:
    """Whether a child of ours has ended, or is past the point where it could do anything more but close its files."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            line = file.read(4096)
    except (FileNotFoundError, ProcessLookupError):
        return True
    fields = line[line.rindex(b")") + 2 :].split()
    return fields[0] in (b"Z", b"X") or bool(int(fields[6]) & _PF_EXITING)


def open_pidfd(pid: int) -> int:
    """A pidfd of a process that was there a moment ago. Raises ProcessLookupError when no process has the number."""
    try:
        return os.pidfd_open(pid)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        # Where the number is still that of a process group or a session, Linux 6.1 says this.
        raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH), str(pid)) from None


def open_process(pid: int, start: int) -> int:
    """A pidfd of exactly that process. Raises ProcessLookupError if it is gone."""
    pidfd = open_pidfd(pid)
    stat = read_stat(pid)
    if stat is None or stat.start != start or stat.is_dead():
        os.close(pidfd)
        raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH), str(pid))
    return pidfd


def send_signal(pidfd: int, number: int) -> None:
    """Raises ProcessLookupError if the process has been reaped, OSError if the kernel refuses."""
    _signal.pidfd_send_signal(pidfd, number)


def read_streams(pid: int) -> list[str]:
    """What the standard streams of a process are, as the kernel names them: `pipe:[7]`, a path.

    `/dev/null` for one that is closed, or that we may not look at.
    """
    links = []
    for number in (0, 1, 2):
        try:
            links.append(os.readlink(f"/proc/{pid}/fd/{number}"))
        except OSError:
            links.append("/dev/null")
    return links
