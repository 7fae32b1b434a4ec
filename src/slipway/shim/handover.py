"""How a container passes from the process that made it to the one that stays with it.

    template ── forks ──▶ the shim ── forks ──▶ its forerunner
                             ┆ waits                │ binds the socket, answers Create and Start
                             │◀──── all it holds ───┘ ends; the container's init becomes the shim's child
                             ▼
                          serves on

Both run the same code. But of all that a process has run it has copies in memory of its own, pages that it would else
share with the template, and keeps them: making a container costs more of them than looking after it. The shim's process
id is the one that containerd and `ps` know; it becomes the parent before Start is answered.

A forerunner whose container cannot be passed on in a moment (it has ended already, its output has filled a fifo, other
calls are under way) serves as the shim to the end; the one that waits then ends with it.
"""

from __future__ import annotations

import marshal
import os

from slipway.contracts.shim_api.options import Options
from slipway.linux.descriptors import receive_descriptors, send_descriptors
from slipway.shim.model import Container, Process, StdioNames
from slipway.shim.oom import watch_memory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from slipway.shim.shim import Shim
    from slipway.shim.task_service import TaskService
    from slipway.transport.plain.ttrpc import Connected, TtrpcServer
    from slipway.wire.ttrpc import Call

_PATIENCE = 1.0
"""Seconds that containerd may take for the events of Create and Start; after that the shim sends them itself.

So long the container's output waits in its pipes, which else could fill a fifo just before it is passed on."""

_MOST_DESCRIPTORS = 253  # SCM_MAX_FD of the kernel
_LARGEST = 160 * 1024  # bytes: a socket's send buffer has 208 KiB, and what we send is some 1,000


class Names:
    """What a shim is told when it is made: its socket's path, its bundle, namespace, and where events go."""

    __slots__ = ("bundle", "events", "namespace", "path")

    def __init__(self, path: str, bundle: str, namespace: str, events: str) -> None:
        self.path = path
        self.bundle = bundle
        self.namespace = namespace
        self.events = events


class Heir:
    """The process `pid` that takes over what is sent over `channel`."""

    __slots__ = ("channel", "pid")

    def __init__(self, pid: int, channel: int) -> None:
        self.pid = pid
        self.channel = channel


class Forerunner:
    """Answers calls as the task service does, until Start has been answered by passing everything on."""

    def __init__(self, heir: Heir, names: Names, shim: Shim, service: TaskService) -> None:
        self._heir = heir
        self._names = names
        self._shim = shim
        self._service = service

    async def answer(self, call: Call, server: TtrpcServer) -> bytes:
        """The encoded response; no return when the heir has taken over, and answers it."""
        containers = list(self._shim.containers.values())
        if call.method != "Start" or len(containers) != 1:
            return await self._service.answer(call)
        streams = containers[0].init.streams
        assert streams is not None
        streams.pause()
        try:
            payload = await self._service.answer(call)
            await self._shim.publisher.flush(_PATIENCE)
            self._give(containers[0], server.give(call, payload), server.listener)
        finally:
            streams.begin()
        return payload

    def _give(self, container: Container, connections: list[Connected] | None, listener: int) -> None:
        """Pass everything on and end; return when that cannot be now."""
        init = container.init
        streams = init.streams.give() if init.streams is not None else None
        if connections is None or streams is None or not self._is_all_told(container):
            return
        if any(call[2] != "Wait" for _, _, _, calls in connections for call in calls):
            return
        master, source, outputs = streams
        numbers = [listener, *(connection[0] for connection in connections), master, *(source or ())[:3]]
        numbers += [number for output in outputs for number in output[:2]]
        numbers = [number for number in numbers if number >= 0]
        names = self._names
        about_us = (names.path, names.bundle, names.namespace, names.events)
        state = (
            numbers,
            about_us,
            listener,
            connections,
            self._shim.publisher.pending,
            _description(container),
            streams,
        )
        payload = marshal.dumps(state)
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
            init.is_running
            and init.start_told is None
            and not container.execs
            and self._shim.children.is_waiting_for(init.pid)
            and list(self._shim.containers.values()) == [container]
        )


class Inheritance:
    """What a forerunner has passed on; `take` makes it ours."""

    __slots__ = ("_connections", "_container", "_events", "_forerunner", "_streams", "listener", "names")

    def __init__(self, payload: bytes, descriptors: list[int], forerunner: int) -> None:
        """`descriptors` are ours, for the numbers that the forerunner's had, in the same order."""
        self._forerunner = forerunner
        numbers, about_us, listener, connections, self._events, self._container, streams = marshal.loads(payload)
        ours = dict(zip(numbers, descriptors, strict=True))
        ours[-1] = -1
        self.names = Names(*about_us)
        self.listener: int = ours[listener]
        self._connections = [(ours[number], *rest) for number, *rest in connections]
        master, source, outputs = streams
        if source is not None:
            source = (ours[source[0]], ours[source[1]], ours[source[2]], *source[3:])
        outputs = [(ours[reading], ours[writing], *rest) for reading, writing, *rest in outputs]
        self._streams = (ours[master], source, outputs)

    def take(self, shim: Shim, server: TtrpcServer) -> None:
        """Go on where the forerunner stopped: as soon as it has ended, and its child is ours."""
        container = _container(shim, self._container, self._streams)
        shim.containers[container.id] = container
        watch_memory(shim, container)
        exited = shim.children.wait(container.init.pid)
        os.waitpid(self._forerunner, 0)
        shim.children.reap()
        shim.loop.spawn(shim.supervise(container, container.init, exited))
        shim.publisher.resume(self._events)
        for connected in self._connections:
            server.take(connected)


def wait_for_inheritance(channel: int, forerunner: int) -> Inheritance | None:
    """What our child `forerunner` sends over `channel`, which is closed; None when it ends without sending anything."""
    descriptors, payload = receive_descriptors(channel, _MOST_DESCRIPTORS, _LARGEST)
    os.close(channel)
    return Inheritance(payload, descriptors, forerunner) if payload else None


def _description(container: Container) -> tuple[Any, ...]:
    init, options, names = container.init, container.options, container.init.stdio
    runtime = (options.binary_name, options.root, options.systemd_cgroup)
    stdio = (names.stdin, names.stdout, names.stderr, names.terminal)
    place = (container.bundle, container.rootfs, container.io_owner, container.cgroups)
    return container.id, init.pid, runtime, stdio, place


def _container(shim: Shim, description: tuple[Any, ...], streams: Any) -> Container:
    id, pid, (binary_name, root, systemd_cgroup), (stdin, stdout, stderr, terminal), place = description
    bundle, rootfs, io_owner, cgroups = place
    options = Options(binary_name=binary_name, root=root, systemd_cgroup=systemd_cgroup)
    names = StdioNames(stdin, stdout, stderr, terminal=terminal)
    init = Process("", names, shim.loop.future())
    init.streams = shim.streams.take(names, bundle, streams)
    init.pid = pid
    init.becomes("start")
    container = Container(id, bundle, shim.runtime(bundle, options), init, rootfs, io_owner, options)
    container.cgroups = cgroups
    return container
