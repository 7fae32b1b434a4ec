"""The program `containerd-shim-runc-v2`, as containerd execs it: start a shim, serve as one, or clean up after one."""

from __future__ import annotations

import os
import stat
import sys

from slipway.base.errors import EngineError
from slipway.base.files import write_all
from slipway.base.version import VERSION
from slipway.clients.runc.program import forked
from slipway.linux.command_line import set_command_line
from slipway.linux.executable import execute_readonly
from slipway.linux.prctl import leave_shared_cores
from slipway.shim.bootstrap import PROGRAM, bind, delete_dead, settle
from slipway.shim.bundle import options_from_start
from slipway.shim.command_line import CommandLine, parse
from slipway.shim.grouping import group_of
from slipway.shim.handover import Names
from slipway.shim.info import runtime_info
from slipway.shim.server import Server
from slipway.shim.socket_address import Bound, listen
from slipway.transport.plain.children import set_descriptors
from slipway.wire.protobuf import encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.clients.runc.program import Program

_LISTENER = 3
"""The descriptor where `start` hands its socket to the shim that stays."""


def main() -> None:
    """Do what the command line says. Errors go to standard error, one line, with exit status 1."""
    try:
        _run(parse(sys.argv[1:]))
    except (EngineError, OSError) as error:
        write_all(2, f"{PROGRAM}: {error}\n".encode())
        os._exit(1)
    os._exit(0)


def _run(line: CommandLine) -> None:
    if line.action == "version":
        write_all(1, f"{PROGRAM}:\n  Version:  {VERSION}\n  Revision: \n\n".encode())
    elif line.action == "info":
        write_all(1, encode(runtime_info(options_from_start(_read_stdin(), ""), default_runtime)))
    elif line.action == "start":
        _start(line)
    elif line.action == "delete":
        write_all(1, encode(delete_dead(line, _bundle(line), default_runtime)))
    else:
        _serve(line)


def _start(line: CommandLine) -> None:
    """Bind the socket, leave a shim behind that serves it, print where it is; or where the shim of its group is.

    The shim has no standard stream of ours: containerd waits for the end of them. Clients may connect before it serves.
    """
    options = options_from_start(_read_stdin(), line.id)
    bundle = _bundle(line)
    parent = os.getppid()
    if os.environ.get("SCHED_CORE"):
        _leave_shared_cores()
    bound = bind(bundle, line.address, line.namespace, line.id)
    if not bound.is_served and not os.fork():
        try:
            os.setsid()
            os.chdir(bundle)
            settle(options, os.getpid(), parent=parent)
            set_descriptors((-1, -1, -1), (bound.listener,))
            interpreter = [sys.executable, "-I", "-S", sys.argv[0]]
            execute_readonly([*interpreter, *line.served(), "-socket", bound.path], os.environ)
        finally:
            os._exit(1)
    write_all(1, bound.address.encode())


def _leave_shared_cores() -> None:
    """Raises EngineError: whoever asked for it must not get less."""
    try:
        leave_shared_cores()
    except OSError as error:
        raise EngineError(f"enable core scheduling, as SCHED_CORE asks for: {error.strerror}") from error


def _serve(line: CommandLine) -> None:
    bound = Bound(line.socket, _LISTENER if _is_socket(_LISTENER) else listen(line.socket))
    os.set_inheritable(bound.listener, False)
    set_command_line([PROGRAM, *line.served()])
    events = os.environ.get("TTRPC_ADDRESS", "").removeprefix("unix://")
    bundle = _bundle(line)
    names = Names(bound.path, bundle, line.namespace, events, is_shared=bool(group_of(bundle)))
    Server(default_runtime).serve(bound.listener, names)


def default_runtime() -> Program:
    """Our own runc, loaded when the first container asks for it."""
    from slipway.runc.main import main as runc
    from slipway.runc.preload import preload

    preload()
    return forked(runc)


def _bundle(line: CommandLine) -> str:
    return line.bundle or os.getcwd()


def _read_stdin() -> bytes:
    data = bytearray()
    while chunk := os.read(0, 1 << 16):
        data += chunk
    return bytes(data)


def _is_socket(descriptor: int) -> bool:
    try:
        return stat.S_ISSOCK(os.fstat(descriptor).st_mode)
    except OSError:
        return False


if __name__ == "__main__":
    main()
