"""Signals without the `signal` module, which imports enum: names, numbers, and a clean slate before exec."""

import _signal  # type: ignore[import-not-found]

# `TERM` -> 15. RTMIN and RTMAX are those that the C library leaves free.
NUMBERS: dict[str, int] = {
    name[3:]: int(number) for name, number in vars(_signal).items() if name.startswith("SIG") and name[3:4].isalpha()
}
for _name in ("_BLOCK", "_UNBLOCK", "_SETMASK", "_DFL", "_IGN"):
    NUMBERS.pop(_name, None)


def hold_back() -> None:
    """Let signals wait until `let_through`: for the time between a start and the handlers that forward them."""
    _signal.pthread_sigmask(_signal.SIG_SETMASK, _signal.valid_signals())


def let_through() -> None:
    _signal.pthread_sigmask(_signal.SIG_SETMASK, ())


def reset_for_exec() -> None:
    """What this process ignores or blocks would be inherited: Python ignores SIGPIPE and SIGXFSZ in every process."""
    for number in _signal.valid_signals():
        if number not in (_signal.SIGKILL, _signal.SIGSTOP) and _signal.getsignal(number) != _signal.SIG_DFL:
            _signal.signal(number, _signal.SIG_DFL)
    _signal.pthread_sigmask(_signal.SIG_SETMASK, ())


# Every Python process ignores these; a child started by posix_spawn should not.
IGNORED_BY_PYTHON = (NUMBERS["PIPE"], NUMBERS["XFSZ"])
