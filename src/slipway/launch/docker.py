"""The `docker` process: argv, environment and clock in, an exit status out. The client's only exception handler.

`-I -S` keeps `site` away, and `os._exit` the interpreter's teardown: together 5 ms of each command.
"""

import os
import sys
import time

from slipway.base.errors import Cancelled, EngineError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def main() -> "NoReturn":
    """Run the command line of this process and end it."""
    _fill_standard_streams()
    os._exit(_status())


def _fill_standard_streams() -> None:
    """Have /dev/null where a shell has closed one (`>&-`): our socket would get its number, and our output with it."""
    while (descriptor := os.open("/dev/null", os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)


def _status() -> int:
    from slipway.docker.program import run, status_of
    from slipway.docker.terminal.signals import Terminated, end_by_signal, raise_on_termination

    raise_on_termination()
    arguments = [os.fsencode(argument).decode("utf-8", "surrogateescape") for argument in sys.argv[1:]]
    try:
        return run(arguments, os.environ, time.time_ns())
    except EngineError as error:
        message = "" if isinstance(error, Cancelled) else str(error)
        if message:
            _say(message)
        return status_of(error)
    except Terminated as termination:
        return 128 + termination.number
    except BrokenPipeError:
        end_by_signal(13)  # SIGPIPE: whoever read our output has gone
        return 141
    except OSError as error:
        _say(_words(error))
        return 1
    except Exception as error:  # noqa: BLE001 - the process's edge
        return _internal_error(error)


def _internal_error(error: Exception) -> int:
    """A bug of ours: one sentence, and the traceback where --debug asks for it."""
    _say(f"docker: internal error: {type(error).__name__}: {error} (hint: --debug shows where)")
    if any(argument in ("-D", "--debug") for argument in sys.argv):
        import traceback

        traceback.print_exception(error)
    return 1


def _words(error: OSError) -> str:
    """`open /x: no such file or directory`, as Go words it."""
    reason = (error.strerror or str(error)).lower()
    return f"open {error.filename}: {reason}" if error.filename else reason


def _say(message: str) -> None:
    data = f"{message}\n".encode("utf-8", "surrogateescape")
    try:
        while data:
            data = data[os.write(2, data) :]
    except OSError:
        return  # nobody reads our errors
