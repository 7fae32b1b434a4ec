"""The shim template: a process of one thread that has the shim and runc loaded, and forks a shim for whoever asks.

A fork serves 1-2 ms after the request and shares its memory with the template; a program started afresh takes 20 times
as long and shares nothing. docs/decisions/shim-template.md has the numbers and the traps.

containerd execs it with one end of a socket pair (contracts/shim_api/template.py is what they say):

    python -I -S -c CODE <sys.path> <containerd's address> <descriptor of the socket pair> <spare bytes>

It is the parent of its shims. It ends when containerd does; the shims live on.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # `signal` imports enum
import _socket
import gc
import os
import sys

from slipway.base.errors import EngineError, InvalidArgument
from slipway.clients.runc.program import forked
from slipway.contracts.shim_api.template import DELETE, LARGEST_PACKET, START, TemplateReply, TemplateRequest
from slipway.linux.command_line import set_command_line
from slipway.linux.executable import execute_readonly, is_unwritable
from slipway.linux.immortal import make_all_immortal
from slipway.linux.prctl import set_parent_death_signal
from slipway.linux.subreaper import become_subreaper
from slipway.runc.main import main as runc
from slipway.runc.preload import preload as preload_runc
from slipway.runc.rehearsal import ENOUGH
from slipway.runc.rehearsal import rehearse as rehearse_runc
from slipway.shim.bootstrap import PROGRAM, bind, delete_dead, settle
from slipway.shim.bundle import options_from_any
from slipway.shim.cgroup_folders import preload as preload_cgroups
from slipway.shim.command_line import CommandLine, parse
from slipway.shim.handover import Heir, Names, channel_pair, wait_for_inheritance
from slipway.shim.rehearsal import rehearse
from slipway.shim.server import Server
from slipway.transport.plain.children import reset_signals, set_descriptors
from slipway.wire.protobuf import decode, encode
from slipway.wire.protobuf_known import AnyMessage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.clients.runc.program import Program

_CONTAINERD = 3
"""Where the socket pair's end is put."""

_REHEARSALS = 8
"""Lives played before the first fork: Python 3.11 specialises a function after eight calls; 30 are hardly better."""

_OF_CONTAINERD = ("NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES")
"""What a service manager said to containerd, and runc would take for a word to the container (sd_notify(3))."""

_NAME = "containerd-shim-template"
"""Its first 15 bytes are the shims' name, too: nobody can set that of another process."""


def main() -> None:
    """Serve until containerd is gone. Everything is loaded before the first request; nothing afterwards."""
    address, inherited = sys.argv[2], int(sys.argv[3])
    if not is_unwritable():
        # CVE-2019-5736: forks of this process join containers, which must not be able to write its program file
        os.set_inheritable(inherited, True)
        execute_readonly(sys.orig_argv, os.environ)
    set_descriptors((-1, -1, 2), (inherited,))
    os.set_inheritable(_CONTAINERD, False)
    set_command_line([_NAME, "-address", address])
    become_subreaper()
    for name in _OF_CONTAINERD:
        os.environ.pop(name, None)
    preload_runc()
    preload_cgroups()
    _rehearse(address)
    server = Server(_default_runtime)
    # Each container's init empties this, and would copy all these pages to do so; nothing is imported any more.
    sys.path_importer_cache.clear()
    gc.collect()
    make_all_immortal()
    gc.freeze()
    _serve_containerd(server)
    os._exit(0)


def _rehearse(address: str) -> None:
    """Run what shims run before the first is forked. It is worth memory and time, but not a refusal to serve."""
    request = TemplateRequest(number=1, action=START, namespace="warm", id="up", bundle="/", options=b"")
    for _ in range(_REHEARSALS):
        _command_line(decode(TemplateRequest, encode(request)))
    try:
        rehearse(os.path.dirname(address), _REHEARSALS, lambda folder: rehearse_runc(folder, ENOUGH))
    except (EngineError, OSError) as error:
        os.write(2, f"{_NAME}: rehearsal failed: {error}\n".encode())


def _serve_containerd(server: Server) -> None:
    """Does as little as it can: a page that is written between two forks is shared by neither's neighbours."""
    reset_signals()
    # Shims live long: they must not hold containerd's log open. And they die of no signal but those they handle.
    os.dup2(0, 2)
    _signal.signal(_signal.SIGPIPE, _signal.SIG_IGN)
    _signal.signal(_signal.SIGCHLD, _signal.SIG_IGN)  # the kernel collects shims that ended, and what they left
    # A SIGINT of the terminal where containerd runs is for containerd; we end when it does.
    _signal.signal(_signal.SIGINT, _signal.SIG_IGN)
    channel = _socket.socket(fileno=_CONTAINERD)
    while packet := channel.recv(LARGEST_PACKET):
        if not os.fork():
            _run_forked(channel, packet, server)


def _run_forked(channel: _socket.socket, packet: bytes, server: Server) -> None:
    """The forked child, which never returns: it has a child of its own do all, and takes the container over from it.

    shim/handover.py says why; so this does as little as it can, too.
    """
    status = 1
    try:
        _signal.signal(_signal.SIGCHLD, _signal.SIG_DFL)
        os.setsid()
        become_subreaper()
        parent, shim = os.getppid(), os.getpid()
        receiving, sending = channel_pair()
        forerunner = os.fork()
        if not forerunner:
            receiving.close()
            _run_forerunner(channel, packet, server, Heir(shim, sending.detach()), parent)
        sending.close()
        channel.close()
        inheritance = wait_for_inheritance(receiving.detach(), forerunner)
        if inheritance is not None:
            server.serve(inheritance.listener, inheritance.names, inheritance=inheritance)
        status = 0
    finally:
        os._exit(status)


def _run_forerunner(channel: _socket.socket, packet: bytes, server: Server, heir: Heir, parent: int) -> None:
    """The child's child: it answers the request itself, and never returns either."""
    status = 1
    request = TemplateRequest()
    try:
        set_parent_death_signal(_signal.SIGTERM)
        if os.getppid() != heir.pid:
            os._exit(status)  # it ended before we asked to be told
        request = decode(TemplateRequest, packet)
        if request.action == START:
            _become_forerunner(channel, request, server, heir, parent)
        elif request.action == DELETE:
            _delete(channel, request)
        status = 0
    except Exception as error:  # noqa: BLE001 - the edge: whatever it was, containerd must not wait for an answer
        _reply(channel, _failure(request, error))
    finally:
        os._exit(status)


def _become_forerunner(
    channel: _socket.socket, request: TemplateRequest, server: Server, heir: Heir, parent: int
) -> None:
    line = _command_line(request)
    options = options_from_any(decode(AnyMessage, request.options))
    bound = bind(request.bundle, request.address, request.namespace, request.id)
    if bound.is_served:  # by the shim of its group
        _reply(channel, TemplateReply(number=request.number, address=bound.address, pid=bound.pid))
        return
    try:
        for process in (heir.pid, os.getpid()):
            settle(options, process, parent=parent)
            set_command_line([PROGRAM, *line.served()], process)
        _reply(channel, TemplateReply(number=request.number, address=bound.address, pid=heir.pid))
    except BaseException:
        bound.close()
        raise
    channel.close()
    events = request.ttrpc_address.removeprefix("unix://")
    names = Names(bound.path, request.bundle, request.namespace, events, is_shared=bound.is_shared)
    server.serve(bound.listener, names, heir=heir)


def _delete(channel: _socket.socket, request: TemplateRequest) -> None:
    os.chdir(request.bundle)
    response = delete_dead(_command_line(request), request.bundle, _default_runtime)
    _reply(channel, TemplateReply(number=request.number, result=encode(response)))


def _default_runtime() -> Program:
    return forked(runc)


def _command_line(request: TemplateRequest) -> CommandLine:
    """Through the same parser and checks as a command line."""
    if not request.bundle.startswith("/"):
        raise InvalidArgument(f"bundle {request.bundle!r} is no absolute path")
    switches = ["-debug"] if request.debug else []
    return parse(["-namespace", request.namespace, "-id", request.id, "-address", request.address, *switches])


def _failure(request: TemplateRequest, error: Exception) -> TemplateReply:
    kind = error.kind if isinstance(error, EngineError) else "internal"
    return TemplateReply(number=request.number, error_kind=kind, error=str(error))


def _reply(channel: _socket.socket, reply: TemplateReply) -> None:
    channel.send(encode(reply))
