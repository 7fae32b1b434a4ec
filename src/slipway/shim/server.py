"""The shim that stays: from a listening socket and a bundle to a served task API, until it is told to shut down."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # `signal` imports enum
import os

from slipway.base.files import unlink_if_present
from slipway.contracts.shim_api import sandbox
from slipway.contracts.shim_api.status import code_from_error
from slipway.linux.subreaper import become_subreaper
from slipway.shim.grouping import try_lock
from slipway.shim.handover import Forerunner
from slipway.shim.log import Log
from slipway.shim.publisher import Publisher
from slipway.shim.sandbox_service import SandboxService
from slipway.shim.shim import Shim
from slipway.shim.stdio.streams import StreamFactory
from slipway.shim.task_service import TaskService
from slipway.transport.plain.children import Children
from slipway.transport.plain.loop import Future, Loop
from slipway.transport.plain.ttrpc import TtrpcServer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from slipway.clients.runc.program import Program
    from slipway.shim.handover import Heir, Inheritance, Names
    from slipway.wire.ttrpc import Call

_LOOK = 0.01  # seconds between looks whether somebody still joins or leaves a group
_LAST_EVENTS = 5.0  # seconds that containerd may take for the events of the end


class Server:
    """All objects of a shim. They know nothing of a container before `serve`: a template makes them once for its forks.

    Making one opens nothing and changes nothing in the process.
    """

    def __init__(self, default_runtime: Callable[[], Program]) -> None:
        """`default_runtime` gives what runs containers whose options name no other."""
        self._log = Log()
        self._loop = Loop(self._log.failure)
        self._children = Children(self._loop)
        self._publisher = Publisher(self._loop, self._log.warning)
        self._streams = StreamFactory(self._loop, self._children, self._log.warning)
        self._shim = Shim(
            self._loop, self._children, self._publisher, self._streams, self._log, default_runtime=default_runtime
        )
        self._service = TaskService(self._shim, self._shut_down)
        self._sandbox_service = SandboxService(self._shim, self._shut_down)
        self._ttrpc = TtrpcServer(self._loop, self._answer, code_from_error)
        self._path = ""
        self._ending: Future | None = None
        self._forerunner: Forerunner | None = None

    def serve(
        self,
        listener: int,
        names: Names,
        *,
        beside: Callable[[Loop], Coroutine[Any, Any, None]] | None = None,
        heir: Heir | None = None,
        inheritance: Inheritance | None = None,
    ) -> None:
        """Serve until Shutdown finds no container, or SIGTERM or SIGINT comes; then remove the socket and return.

        The process must be alone: no thread, no other children. Its working directory becomes the bundle. Raises
        OSError before it serves, never after. `beside` runs in the same loop. `heir` is our parent and that of the
        container's processes, who goes on when the container has run for a while: we then end, without returning.
        `inheritance` is what we go on with.
        """
        os.chdir("/" if names.is_shared else names.bundle)  # a group's first container may go before the others
        if heir is None:
            become_subreaper()
        self._name(names)
        self._service.pid = heir.pid if heir is not None else os.getpid()
        self._loop.open()
        self._children.open()
        self._children.on_signal(_signal.SIGTERM, self._terminate)
        self._children.on_signal(_signal.SIGINT, self._terminate)
        self._ttrpc.open(listener)
        if inheritance is not None:
            inheritance.take(self._shim, self._ttrpc)
        if heir is not None:
            self._forerunner = Forerunner(heir, names, self._shim, self._ttrpc)
            self._forerunner.begin()
        self._children.reap()  # what ended before we listened for it
        if beside is not None:
            self._loop.spawn(beside(self._loop))
        try:
            self._loop.run()
        finally:
            self._ttrpc.hang_up()
            self._publisher.disconnect()
            self._streams.events.close()
            self._children.close()
            self._loop.close()

    async def _answer(self, call: Call) -> bytes:
        if call.service == sandbox.SERVICE:
            return await self._sandbox_service.answer(call)
        return await self._service.answer(call)

    def _name(self, names: Names) -> None:
        self._path = names.path
        self._log.bundle = names.bundle
        self._publisher.address = names.events
        self._publisher.namespace = names.namespace
        self._streams.namespace = names.namespace
        self._streams.console_folder = os.path.dirname(names.path)
        self._shim.namespace = names.namespace
        self._shim.is_shared = names.is_shared

    def _shut_down(self) -> None:
        if self._ending is None:
            self._ending = self._loop.spawn(self._leave_group() if self._shim.is_shared else self._finish())

    def _terminate(self) -> None:
        if not self._shim.is_ending:
            self._ending = self._loop.spawn(self._finish())

    async def _leave_group(self) -> None:
        """Let go of the group's socket, unless somebody joins us at this moment."""
        try:
            while (lock := try_lock(self._path)) < 0:
                await self._loop.sleep(_LOOK)
        except OSError:  # the folder has gone: nobody can join
            await self._finish()
            return
        try:
            if self._shim.is_in_use:
                self._ending = None
                return
            self._shim.is_ending = True
            unlink_if_present(self._path)
        finally:
            os.close(lock)
        await self._finish()

    async def _finish(self) -> None:
        self._shim.is_ending = True
        try:
            unlink_if_present(self._path)
            self._ttrpc.close()
            if not await self._publisher.flush(_LAST_EVENTS):
                self._log.warning("end with events that containerd did not take")
            if self._forerunner is not None:
                await self._forerunner.wait_for_heir()
        finally:
            self._loop.stop()  # a shim that was told to end does
