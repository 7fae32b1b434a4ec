"""Runs a command whose children end with it when we are interrupted, by Ctrl-C as by a signal to us alone."""

import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress


def run(
    argv: Sequence[str], *, own_session: bool = True, each_second: Callable[[], None] = lambda: None
) -> "subprocess.CompletedProcess[str]":
    """`stdout` of the result is all that it wrote, errors too.

    An interrupt is passed on to the command's session, once, and waits for its end. Not in a session of its own: what
    asks for a password on the terminal (sudo), which the terminal interrupts, too.
    """
    process = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=own_session,
    )
    while True:
        try:
            said, _ = process.communicate(timeout=1)
            return subprocess.CompletedProcess(argv, process.returncode, said)
        except subprocess.TimeoutExpired:
            each_second()
        except KeyboardInterrupt:
            with suppress(ProcessLookupError, PermissionError):  # sudo's child is root's; the terminal has told it
                (os.killpg if own_session else os.kill)(process.pid, signal.SIGINT)
            process.communicate()
            raise
