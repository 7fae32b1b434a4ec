"""Notes which methods our containerd serves, and each call that it answered. Its launcher loads this."""

import os
from collections.abc import AsyncIterator, Callable
from typing import Any

from slipway.containerd.services.events import ShimEvents
from slipway.transport.aio.grpc_method import Method
from slipway.transport.aio.grpc_server import GrpcServer
from slipway.wire import ttrpc


def install(report: str) -> None:
    """From now on a line `+PATH` for each method that is served, and a line PATH for each answered call."""
    file = os.open(report, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)

    def note(line: str) -> None:
        os.write(file, f"{line}\n".encode())

    add, answer = GrpcServer.add, ShimEvents.answer

    def add_and_note(server: GrpcServer, service: Any, implementation: object) -> None:
        before = dict(server._routes)
        add(server, service, implementation)
        for path in server._routes.keys() - before:
            method, handler = server._routes[path]
            server._routes[path] = method, _noting(method, handler, note)
            note(f"+{path}")

    async def answer_and_note(events: ShimEvents, call: ttrpc.Call) -> bytes:
        reply = await answer(events, call)
        note(f"/{call.service}/{call.method}")
        return reply

    GrpcServer.add = add_and_note  # type: ignore[method-assign]
    ShimEvents.answer = answer_and_note  # type: ignore[method-assign]
    note("+/containerd.services.events.ttrpc.v1.Events/Forward")


def _noting(method: Method, handler: Callable[..., Any], note: Callable[[str], None]) -> Callable[..., Any]:
    """Of many replies, the first counts, or their end without any."""

    async def one(call: Any, request: Any) -> Any:
        reply = await handler(call, request)
        note(method.path)
        return reply

    async def many(call: Any, request: Any) -> AsyncIterator[Any]:
        noted = False
        replies = handler(call, request)
        try:
            async for reply in replies:
                if not noted:
                    note(method.path)
                noted = True
                yield reply
            if not noted:
                note(method.path)
        finally:
            await replies.aclose()

    return many if method.many_replies else one
