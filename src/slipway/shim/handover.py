"""How a container passes from the process that made it to the one that stays with it.

    template ── forks ──▶ the shim ── forks ──▶ its forerunner
                             │ waits                │ binds the socket, answers Create, Start and all else
                             │── who has ended ────▶│
                             │◀──── all it holds ───┘ ends
                             ▼
                          serves on

Both run the same code. But of all that a process has run it has copies in memory of its own, pages that it would else
share with the template, and keeps them: making a container costs more of them than looking after it. The process id
that containerd knows is that of the shim.

The shim is the subreaper, so the parent of the container's processes from the beginning: a container may ask to die
with its parent (PR_SET_PDEATHSIG, `tini -p`), and the forerunner's end must not be that. So the shim has little to do
while it waits: it collects whoever has ended, and says so.

It happens between half a second and a second after the container's start, when nothing else is under way: that is
later than a short program's end, and delays nobody. All containers of a group pass together, those that have come by
then; the heir makes later ones itself. Where it cannot be (output is spilled, an exec runs, containerd
does not take our events), the forerunner looks again later; it can serve as the shim to the end, and the one that waits
then ends with it. So it does with a sandbox, whose containers come and go.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # `signal` imports enum
import _socket
import marshal
import os

from slipway.contracts.shim_api.messages import RUNNING
from slipway.contracts.shim_api.options import Options
from slipway.linux.descriptors import receive_descriptors, send_descriptors
from slipway.linux.prctl import set_parent_death_signal
from slipway.linux.processes import open_pidfd
from slipway.linux.subreaper import become_subreaper
from slipway.shim.model import Container, Process, StdioNames
from slipway.shim.oom import watch_memory
from slipway.transport.plain.children import Exit, exit_from_wait_status
from slipway.transport.plain.loop import READABLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from slipway.shim.shim import Shim
    from slipway.shim.stdio.streams import Given
    from slipway.transport.plain.ttrpc import Connected, TtrpcServer

CALM = 0.5
"""Seconds between two looks that must both see the containers run, before they are passed on."""

_LAST_LOOK = 8.0  # seconds between looks where it could not be

_MOST_DESCRIPTORS = 253  # SCM_MAX_FD of the kernel
_LARGEST = 160 * 1024  # bytes: a socket's send buffer has 208 KiB, and what we send is some 1,000
_LARGEST_EXIT = 64  # bytes of an Exit
_QUEUE = 64 * 1024  # bytes of SO_SNDBUF: some 170 exits; the machine's default can be any size
_MOST_UNREAD = 1024  # exits: more than the queue holds; when it is full the heir waits


def channel_pair() -> tuple[_socket.socket, _socket.socket]:
    """(the heir's end, the forerunner's end) of what they say to each other."""
    heirs, forerunners = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
    heirs.setsockopt(_socket.SOL_SOCKET, _socket.SO_SNDBUF, _QUEUE)
    return heirs, forerunners


class Names:
    """What a shim is told when it is made: its socket's path, the bundle of its first container, namespace, where
    events go, and whether more containers may come (`is_shared`: it is a group's)."""

    __slots__ = ("bundle", "events", "is_shared", "namespace", "path")

    def __init__(self, path: str, bundle: str, namespace: str, events: str, *, is_shared: bool = False) -> None:
        self.path = path
        self.bundle = bundle
        self.namespace = namespace
        self.events = events
        self.is_shared = is_shared


class Heir:
    """The process `pid` that takes over what is sent over `channel`, `after` so many seconds of calm."""

    __slots__ = ("after", "channel", "pid")

    def __init__(self, pid: int, channel: int, after: float = CALM) -> None:
        self.pid = pid
        self.channel = channel
        self.after = after


class Forerunner:
    """Passes everything on when the containers run and nothing else is under way; the process ends by that."""

    def __init__(self, heir: Heir, names: Names, shim: Shim, server: TtrpcServer) -> None:
        self._heir = heir
        self._names = names
        self._shim = shim
        self._server = server
        self._pause = heir.after
        self._ran: list[str] = []
        self._exits = 0  # that the heir has told us of

    def begin(self) -> None:
        os.set_blocking(self._heir.channel, False)
        self._shim.loop.watch(self._heir.channel, READABLE, self._told)
        self._look_later()
        self._shim.last_container_goes.when_done(self.release)

    def release(self) -> None:
        """There will be nothing to pass on, and no process to collect: let the heir end, beside whatever else is to be
        done."""
        if self._heir.channel < 0:
            return
        become_subreaper()  # who is made from now on is collected here
        set_parent_death_signal(0)
        self._close_channel()
        if os.getppid() == self._heir.pid:  # else it has ended, and the number is another's by now
            os.kill(self._heir.pid, _signal.SIGKILL)  # one that is stopped ends by it, too

    def _close_channel(self) -> None:
        self._shim.loop.unwatch(self._heir.channel)
        os.close(self._heir.channel)
        self._heir.channel = -1

    def _told(self, _events: int) -> None:
        """A process of ours has ended; or the heir has, and SIGTERM is on its way to us."""
        try:
            packet = os.read(self._heir.channel, _LARGEST_EXIT)
        except BlockingIOError:
            return
        except OSError:
            packet = b""
        if not packet:
            self._close_channel()
            return
        self._exits += 1
        self._shim.children.take_exit(Exit(*marshal.loads(packet)))

    async def wait_for_heir(self) -> None:
        """The heir is gone: when we are, too, nobody sees anything left of the shim."""
        self.release()
        try:
            heir = open_pidfd(self._heir.pid)
        except ProcessLookupError:
            return
        try:
            if os.getppid() == self._heir.pid:  # else the number is another's by now
                await self._shim.loop.ready(heir, READABLE)
        finally:
            os.close(heir)

    def _look_later(self) -> None:
        self._shim.loop.call_later(self._pause, self._look)

    def _look(self) -> None:
        """What is seen twice has gone on for a while: a container that has just started may end as soon."""
        containers = self._shim.containers
        run = all(container.init.is_running for container in containers.values()) and not self._shim.expected
        running = list(containers) if run else []
        if self._heir.channel < 0 or self._shim.sandbox is not None:  # a sandbox stays with whom it was created in
            return
        if running and running == self._ran:
            self._give(list(containers.values()))
            self._pause = min(self._pause * 2, _LAST_LOOK)
        self._ran = running
        self._look_later()

    def _give(self, containers: list[Container]) -> None:
        """Pass everything on and end; return when that cannot be now."""
        all_streams = [given for container in containers if (given := _given(container)) is not None]
        connections = self._server.give()
        if connections is None or len(all_streams) < len(containers) or not all(map(self._is_all_told, containers)):
            return
        if any(method != "Wait" for _, _, calls in connections for _, _, method, *_ in calls):
            return
        listener = self._server.listener
        numbers = _descriptors(listener, connections, all_streams)
        names = self._names
        about_us = (names.path, names.bundle, names.namespace, names.events, names.is_shared)
        described = [_description(container) for container in containers]
        payload = marshal.dumps((numbers, about_us, listener, connections, described, all_streams, self._exits))
        if len(payload) > _LARGEST or len(numbers) > _MOST_DESCRIPTORS:
            return
        try:
            send_descriptors(self._heir.channel, numbers, payload)
        except OSError:
            return
        os._exit(0)

    def _is_all_told(self, container: Container) -> bool:
        """Whether a description of the container says all: init runs, its end is not yet known, nothing else does."""
        init = container.init
        return (
            init.status == RUNNING
            and init.start_told is None
            and not container.execs
            and self._shim.children.is_waiting_for(init.pid)
            and self._shim.publisher.is_idle
        )


def _given(container: Container) -> Given | None:
    return container.init.streams.give() if container.init.streams is not None else None


def _descriptors(listener: int, connections: list[Connected], all_streams: list[Given]) -> list[int]:
    numbers = [listener, *(connection[0] for connection in connections)]
    for master, source, outputs in all_streams:
        numbers += [master, *(source or ())[:3]]
        numbers += [number for output in outputs for number in output[:2]]
    return [number for number in numbers if number >= 0]


class Inheritance:
    """What a forerunner has passed on; `take` makes it ours."""

    __slots__ = ("_connections", "_containers", "_exits", "_streams", "listener", "names")

    def __init__(self, payload: bytes, descriptors: list[int], told: list[Exit], sent: int) -> None:
        """`descriptors` are ours, for the numbers that the forerunner's had, in the same order. `told` are the last of
        `sent` exits that it was told of: those that it had not read yet are ours to take."""
        numbers, about_us, listener, connections, self._containers, all_streams, read = marshal.loads(payload)
        self._exits = told[len(told) - (sent - read) :]
        ours = dict(zip(numbers, descriptors, strict=True))
        ours[-1] = -1
        *texts, is_shared = about_us
        self.names = Names(*texts, is_shared=is_shared)
        self.listener: int = ours[listener]
        self._connections = [(ours[number], *rest) for number, *rest in connections]
        self._streams = [_in_our_numbers(streams, ours) for streams in all_streams]

    def take(self, shim: Shim, server: TtrpcServer) -> None:
        """Go on where the forerunner stopped. It has ended."""
        for description, streams in zip(self._containers, self._streams, strict=True):
            container = _container(shim, description, streams)
            shim.containers[container.id] = container
            watch_memory(shim, container)
            exited = shim.children.wait(container.init.pid)
            shim.loop.spawn(shim.supervise(container, container.init, exited))
        for ended in self._exits:
            shim.children.take_exit(ended)
        shim.children.reap()
        for connected in self._connections:
            server.take(connected)


def _in_our_numbers(streams: Given, ours: dict[int, int]) -> Given:
    master, source, outputs = streams
    if source is not None:
        source = (ours[source[0]], ours[source[1]], ours[source[2]], *source[3:])
    given = [(ours[reading], ours[writing], name, splices) for reading, writing, name, splices in outputs]
    return ours[master], source, given


def wait_for_inheritance(channel: int, forerunner: int) -> Inheritance | None:
    """Collect our children and tell our child `forerunner` of each over `channel`, until it ends itself; then what it
    has sent, or None. The channel is closed. The process must be alone, its SIGTERM and SIGCHLD not handled.
    """
    told: list[Exit] = []
    sent = 0
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == forerunner:
            break
        ended = exit_from_wait_status(pid, status)
        told = [*told[1 - _MOST_UNREAD :], ended]
        sent += 1
        try:
            os.write(channel, marshal.dumps((ended.pid, ended.status, ended.at)))
        except OSError:  # it has gone
            continue
    try:
        descriptors, payload = receive_descriptors(channel, _MOST_DESCRIPTORS, _LARGEST)
    except ConnectionResetError:  # it had not read all: told once, before what it has sent (unix(7))
        descriptors, payload = receive_descriptors(channel, _MOST_DESCRIPTORS, _LARGEST)
    os.close(channel)
    return Inheritance(payload, descriptors, told, sent) if payload else None


def _description(container: Container) -> tuple[Any, ...]:
    init, options, names = container.init, container.options, container.init.stdio
    runtime = (options.binary_name, options.root, options.systemd_cgroup)
    stdio = (names.stdin, names.stdout, names.stderr, names.terminal)
    place = (container.bundle, container.rootfs, container.io_owner, container.cgroups, container.memory_kills_told)
    return container.id, init.pid, runtime, stdio, place


def _container(shim: Shim, description: tuple[Any, ...], streams: Any) -> Container:
    id, pid, (binary_name, root, systemd_cgroup), (stdin, stdout, stderr, terminal), place = description
    bundle, rootfs, io_owner, cgroups, memory_kills_told = place
    options = Options(binary_name=binary_name, root=root, systemd_cgroup=systemd_cgroup)
    names = StdioNames(stdin, stdout, stderr, terminal=terminal)
    init = Process("", names, shim.loop.future())
    init.streams = shim.streams.take(names, bundle, streams)
    init.pid = pid
    init.becomes("start")
    container = Container(id, bundle, shim.runtime(bundle, options), init, rootfs, io_owner, options)
    container.cgroups = cgroups
    container.memory_kills_told = memory_kills_told
    return container
