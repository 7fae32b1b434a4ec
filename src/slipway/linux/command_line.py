"""What `ps` shows of this process: its arguments, overwritten in place."""

from __future__ import annotations

import os


def set_command_line(arguments: list[str], process: int = 0) -> bool:
    """Show `arguments` in /proc/PID/cmdline instead of our own, and the program's name as comm.

    `process` is another, forked from the same program, whose arguments are in the same place; its comm stays.

    The kernel shows the memory where our arguments were put at exec; it is overwritten in place, for PR_SET_MM_ARG_END
    needs a capability. What is too long is cut: exec with spare bytes. False when /proc does not let us.
    """
    shown = b"\0".join(os.fsencode(argument) for argument in arguments) + b"\0"
    try:
        start, end = _argument_memory()
        if not process:
            _write("/proc/self/comm", os.fsencode(arguments[0].rpartition("/")[2])[:15])
        _write(f"/proc/{process or 'self'}/mem", shown[: end - start - 1].ljust(end - start, b"\0"), offset=start)
    except OSError:
        return False
    return True


def _write(path: str, data: bytes, *, offset: int = 0) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        if offset:
            os.lseek(descriptor, offset, os.SEEK_SET)
        os.write(descriptor, data)
    finally:
        os.close(descriptor)


def _argument_memory() -> tuple[int, int]:
    """(first byte, byte after the last) of our arguments: fields 48 and 49 of /proc/PID/stat (proc(5)).

    Forks have the same memory at the same place, so it is looked up once.
    """
    if _found:
        return _found[0]
    descriptor = os.open("/proc/self/stat", os.O_RDONLY | os.O_CLOEXEC)
    try:
        fields = os.read(descriptor, 4096).rpartition(b")")[2].split()
    finally:
        os.close(descriptor)
    _found.append((int(fields[45]), int(fields[46])))
    return _found[0]


_found: list[tuple[int, int]] = []
