"""What `ps` shows of this process: its arguments, overwritten in place."""

from __future__ import annotations

import os

from slipway.linux.prctl import set_process_name


def set_command_line(arguments: list[str]) -> bool:
    """Show `arguments` in /proc/PID/cmdline instead of our own, and the program's name as comm.

    The kernel shows the memory where our arguments were put at exec; it is overwritten in place, for PR_SET_MM_ARG_END
    needs a capability. What is too long is cut: exec with spare bytes. False when /proc does not let us.
    """
    shown = b"\0".join(os.fsencode(argument) for argument in arguments) + b"\0"
    set_process_name(arguments[0].rpartition("/")[2])
    try:
        start, end = _argument_memory()
        memory = os.open("/proc/self/mem", os.O_RDWR | os.O_CLOEXEC)
        try:
            os.pwrite(memory, shown[: end - start - 1].ljust(end - start, b"\0"), start)
        finally:
            os.close(memory)
    except OSError:
        return False
    return True


def _argument_memory() -> tuple[int, int]:
    """(first byte, byte after the last) of our arguments: fields 48 and 49 of /proc/PID/stat (proc(5))."""
    descriptor = os.open("/proc/self/stat", os.O_RDONLY | os.O_CLOEXEC)
    try:
        fields = os.read(descriptor, 4096).rpartition(b")")[2].split()
    finally:
        os.close(descriptor)
    return int(fields[45]), int(fields[46])
