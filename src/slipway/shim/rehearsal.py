"""Lives of a container without a container, played in the template before it forks its first shim.

Python specialises code while it runs, and fills caches: what happens here once is shared by all shims, what would
happen in each of them costs each its own copies of the pages. A rehearsal goes through the real server, its socket and
a runtime that only pretends; it takes some 20 ms, and leaves nothing but warm memory.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # `signal` imports enum
import os
import time

from slipway.archive.remove import remove_name
from slipway.base.errors import EngineError
from slipway.base.files import unlink_if_present
from slipway.contracts.shim_api import events, messages
from slipway.contracts.shim_api.status import code_from_error
from slipway.contracts.shim_api.template import REHEARSAL_FOLDER
from slipway.linux.prctl import set_parent_death_signal
from slipway.shim.bootstrap import bind
from slipway.shim.handover import Heir, Names, channel_pair, wait_for_inheritance
from slipway.shim.server import Server
from slipway.shim.socket_address import Bound
from slipway.transport.plain.loop import Loop
from slipway.transport.plain.stream import listen_unix
from slipway.transport.plain.ttrpc import TtrpcClient, TtrpcServer
from slipway.wire.protobuf import Message, decode, encode
from slipway.wire.protobuf_known import AnyMessage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from slipway.wire.ttrpc import Call

_NAME = "rehearsal"
_CONFIG = b'{"ociVersion":"1.0.2","linux":{"namespaces":[{"type":"pid"}]}}'
_PATIENCE = 5.0
_LONGEST = 10  # seconds that a process waits for the kill of a rehearsal that broke off
_LOOK = 0.002
_OUTPUT = b"some output\n"
_PROCESS = messages.ProcessRequest(id=_NAME)


def rehearse(place: str, times: int, runtime: Callable[[str], None]) -> None:
    """Play `times` lives in a folder of `place`, which is made for it and removed. Raises OSError, EngineError.

    `runtime` rehearses what the runtime does itself, in an empty folder that it may leave full.

    Signal handling and the working directory are the default and `/` afterwards; the process stays a subreaper. When it
    is killed meanwhile, it leaves no process, and a folder which the next rehearsal at that place removes. What was
    played when a life failed ends within ten seconds.
    """
    for name in os.listdir(place):
        number = name[len(REHEARSAL_FOLDER) :]
        is_one = name.startswith(REHEARSAL_FOLDER) and number.isascii() and number.isdigit()
        if is_one and not os.path.exists(f"/proc/{number}"):
            _remove(place, name)
    own = f"{REHEARSAL_FOLDER}{os.getpid()}"
    folder = f"{place}/{own}"
    os.makedirs(f"{folder}/bundle", mode=0o700)
    try:
        for _ in range(times):
            _live(folder, _live_alone)
            _live(folder, _live_as_heir)
        os.mkdir(f"{folder}/runtime", 0o700)
        runtime(f"{folder}/runtime")
    finally:
        os.chdir("/")
        if os.path.exists(folder):
            _remove(place, own)


def _live(folder: str, play: Callable[[_Containerd, Bound], None]) -> None:
    bundle = f"{folder}/bundle"
    with open(f"{bundle}/config.json", "wb") as config:
        config.write(_CONFIG)
    for name in ("stdin", "stdout", "stderr"):
        os.mkfifo(f"{bundle}/{name}", 0o600)
    bound = bind(bundle, f"{folder}/c.sock", _NAME, _NAME)
    client = _Containerd(folder, bound.path)
    try:
        play(client, bound)
    finally:
        for name in os.listdir(bundle):
            os.unlink(f"{bundle}/{name}")
        unlink_if_present(client.events_address)


def _live_alone(client: _Containerd, bound: Bound) -> None:
    """One process does all: as a shim that was exec'd, and as a forerunner until it has started the container."""

    async def live(loop: Loop) -> None:
        await client.live(loop, begins=True, ends=True)

    _server(client.template).serve(bound.listener, client.names, beside=live)
    client.raise_failure()


def _live_as_heir(client: _Containerd, bound: Bound) -> None:
    """The container comes from a forerunner; a fork, so that this process learns only what the heir does."""
    _signal.signal(_signal.SIGPIPE, _signal.SIG_IGN)  # the forerunner takes its client with it
    receiving, sending = channel_pair()
    heir = Heir(os.getpid(), sending.fileno(), after=0)
    forerunner = os.fork()
    if not forerunner:
        receiving.close()
        _run_forerunner(client, bound, heir)
    sending.close()
    os.close(bound.listener)
    inheritance = wait_for_inheritance(receiving.detach(), forerunner)
    if inheritance is None:
        raise EngineError("the rehearsal's forerunner did not pass its container on")

    async def live(loop: Loop) -> None:
        unlink_if_present(client.events_address)
        await client.live(loop, begins=False, ends=True)

    _server(client.template).serve(inheritance.listener, client.names, beside=live, inheritance=inheritance)
    client.raise_failure()


def _run_forerunner(client: _Containerd, bound: Bound, heir: Heir) -> None:
    async def live(loop: Loop) -> None:
        await client.live(loop, begins=True, ends=False)

    try:
        _signal.alarm(_LONGEST)
        set_parent_death_signal(_signal.SIGKILL)
        if os.getppid() == client.template:  # else it was killed before we asked to be told
            _server(client.template).serve(bound.listener, client.names, beside=live, heir=heir)
    finally:
        os._exit(1)


def _server(template: int) -> Server:
    def pretend(arguments: list[str]) -> int:
        return _pretend(template, arguments)

    return Server(lambda: pretend)


class _Containerd:
    """The other side of a shim: makes the calls that containerd makes, and takes the events."""

    def __init__(self, folder: str, shim: str) -> None:
        self.events_address = f"{folder}/e.sock"
        self.template = os.getpid()
        self.bundle = f"{folder}/bundle"
        self.names = Names(shim, self.bundle, _NAME, self.events_address)
        self._shim = shim
        self._failure: EngineError | OSError | None = None

    async def live(self, loop: Loop, *, begins: bool, ends: bool) -> None:
        """A call that fails ends the serving, too: the shim would wait for the next one for ever."""
        try:
            await self._live(loop, begins=begins, ends=ends)
        except (EngineError, OSError) as error:
            self._failure = error
            loop.stop()

    def raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    async def _live(self, loop: Loop, *, begins: bool, ends: bool) -> None:
        server = TtrpcServer(loop, self._take_event, code_from_error)
        server.open(listen_unix(self.events_address))
        self._client = TtrpcClient(loop, self._shim)
        readers = [os.open(f"{self.bundle}/{name}", os.O_RDONLY | os.O_NONBLOCK) for name in ("stdout", "stderr")]
        if begins:
            await self._begin(loop)
        if begins and ends:
            await self._call("State", _PROCESS)
            await self._exec()
        if ends:
            await self._end(readers[0])
        else:
            return  # all stays open: the heir gets it
        self._client.close()
        server.close()
        server.hang_up()
        for reader in readers:
            os.close(reader)

    async def _begin(self, loop: Loop) -> None:
        await self._call("Connect", messages.TaskRequest(id=_NAME))
        await self._call("Create", self._create_request())
        loop.spawn(self._call("Wait", _PROCESS))
        await self._call("Start", _PROCESS)

    async def _end(self, reader: int) -> None:
        await self._call("Kill", messages.KillRequest(id=_NAME, signal=_signal.SIGKILL))
        await self._call("Wait", _PROCESS)
        os.read(reader, 4096)
        await self._call("Delete", _PROCESS)
        await self._call("Shutdown", messages.ShutdownRequest(id=_NAME))

    async def _exec(self) -> None:
        request = messages.ExecProcessRequest(id=_NAME, exec_id="e", spec=AnyMessage(value=b"{}"))
        process = messages.ProcessRequest(id=_NAME, exec_id="e")
        await self._call("Exec", request)
        await self._call("Start", process)
        await self._call("Kill", messages.KillRequest(id=_NAME, exec_id="e", signal=_signal.SIGKILL))
        await self._call("Wait", process)
        await self._call("Delete", process)

    def _create_request(self) -> messages.CreateTaskRequest:
        return messages.CreateTaskRequest(
            id=_NAME,
            bundle=self.bundle,
            stdin=f"{self.bundle}/stdin",
            stdout=f"{self.bundle}/stdout",
            stderr=f"{self.bundle}/stderr",
        )

    async def _call(self, method: str, request: Message) -> None:
        reply = await self._client.call(messages.SERVICES[1], method, encode(request), timeout=_PATIENCE)
        if reply.code:
            raise EngineError(f"rehearse {method}: {reply.message}")
        decode(messages.METHODS[method][1], reply.payload)

    async def _take_event(self, call: Call) -> bytes:
        decode(events.ForwardRequest, call.payload)
        return b""


def _pretend(template: int, arguments: list[str]) -> int:
    """A runtime, run in a forked child: `create` and `exec` leave a process behind that waits to be killed."""
    if "--pid-file" in arguments:
        os.write(1, _OUTPUT)
        runtime = os.getpid()
        pid = os.fork()
        if not pid:
            _wait_for_the_kill(runtime, template)
        with open(arguments[arguments.index("--pid-file") + 1], "wb") as file:
            file.write(b"%d" % pid)
    elif "kill" in arguments:
        with open("init.pid", "rb") as file:
            os.kill(int(file.read()), _signal.SIGKILL)
    return 0


def _wait_for_the_kill(runtime: int, template: int) -> None:
    """As a container's process, whose parent is the template once the runtime has ended: it must not outlive that."""
    _signal.alarm(_LONGEST)
    while os.getppid() == runtime:
        time.sleep(_LOOK)
    set_parent_death_signal(_signal.SIGKILL)
    if os.getppid() == template:
        _signal.pause()
    os._exit(0)


def _remove(place: str, name: str) -> None:
    directory = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        remove_name(directory, os.fsencode(name))
    finally:
        os.close(directory)
