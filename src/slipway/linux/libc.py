"""libc and raw system calls as Python calls that raise OSError. The one place that opens libc."""

import ctypes
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    Argument = int | bytes | ctypes.Array[ctypes.c_char] | ctypes.Structure | None

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
_locked = ctypes.PyDLL(None, use_errno=True)
_locked.syscall.restype = ctypes.c_long


def _word(argument: "Argument") -> object:
    """An integer as a whole register: ctypes would pass a C int and cut it."""
    return ctypes.c_long(argument) if isinstance(argument, int) else argument


def libc_call(name: str, *arguments: "Argument", what: str = "") -> int:
    """Call a libc function that returns -1 and sets errno; `what` (verb and operands) goes into the OSError."""
    result: int = getattr(_libc, name)(*map(_word, arguments))
    if result == -1:
        raise os_error(ctypes.get_errno(), what or name)
    return result


def system_call(number: int, *arguments: "Argument", what: str) -> int:
    """Call the kernel by number, for what libc does not wrap."""
    result: int = _libc.syscall(ctypes.c_long(number), *map(_word, arguments))
    if result == -1:
        raise os_error(ctypes.get_errno(), what)
    return result


def forking_call(number: int, *arguments: "Argument", what: str) -> int:
    """`system_call` for a call that returns in two processes: each goes on with the interpreter's lock in its hands."""
    result: int = _locked.syscall(ctypes.c_long(number), *map(_word, arguments))
    if result == -1:
        raise os_error(ctypes.get_errno(), what)
    return result


def os_error(number: int, what: str) -> OSError:
    """An OSError whose `filename` says what was tried."""
    return OSError(number, os.strerror(number), what)


def output_buffer(size: int) -> "ctypes.Array[ctypes.c_char]":
    """Memory for the kernel to write into; read it by `.raw`."""
    return ctypes.create_string_buffer(size)
