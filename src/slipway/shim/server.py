"""The shim that stays: from a listening socket and a bundle to a served task API, until it is told to shut down."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # `signal` imports enum
import os

from slipway.base.files import unlink_if_present
from slipway.contracts.shim_api.status import code_from_error
from slipway.linux.subreaper import become_subreaper
from slipway.shim.log import Log
from slipway.shim.publisher import Publisher
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
    from slipway.shim.bootstrap import Bound

_LAST_EVENTS = 5.0  # seconds that containerd may take for the events of the end


def serve(
    bound: Bound,
    *,
    bundle: str,
    namespace: str,
    events_address: str,
    default_runtime: Callable[[], Program],
    beside: Callable[[Loop], Coroutine[Any, Any, None]] | None = None,
) -> None:
    """Serve until Shutdown finds no container, or SIGTERM or SIGINT comes; then remove the socket and return.

    The process must be alone: no thread, no other children. Its working directory becomes the bundle.
    `events_address` is where containerd serves Events.Forward. Raises OSError before it serves, never after.
    `beside` runs in the same loop.
    """
    os.chdir(bundle)
    become_subreaper()
    log = Log(bundle)
    loop = Loop(log.failure)
    children = Children(loop)
    publisher = Publisher(loop, events_address, namespace, log.warning)
    streams = StreamFactory(loop, children, namespace, os.path.dirname(bound.path))
    shim = Shim(loop, children, publisher, streams, log, namespace=namespace, default_runtime=default_runtime)

    async def finish() -> None:
        server.close()
        unlink_if_present(bound.path)
        if not await publisher.flush(_LAST_EVENTS):
            log.warning("end with events that containerd did not take")
        loop.stop()

    ending: list[Future] = []

    def shut_down() -> None:
        if not ending:
            ending.append(loop.spawn(finish()))

    server = TtrpcServer(loop, bound.listener, TaskService(shim, shut_down).answer, code_from_error)
    children.on_signal(_signal.SIGTERM, shut_down)
    children.on_signal(_signal.SIGINT, shut_down)
    children.reap()  # what ended before we listened for it
    if beside is not None:
        loop.spawn(beside(loop))
    try:
        loop.run()
    finally:
        streams.events.close()
        children.close()
        loop.close()
