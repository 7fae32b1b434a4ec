"""containerd's sockets: those of its API, and the HTTP ones (metrics, debug), where these are wanted."""

import logging
import os
import socket
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Final

from slipway.base.errors import Unavailable
from slipway.base.files import make_folders
from slipway.containerd.configuration.model import Settings, SocketSettings
from slipway.containerd.services.parts import monitors
from slipway.launch.containerd_tasks import Running
from slipway.service.claims import listen_unix

if TYPE_CHECKING:
    from slipway.containerd.metrics.calls import CallCounters
    from slipway.transport.aio.http_connection import Handler

log = logging.getLogger("slipway.containerd")

FOLDER_MODE: Final = 0o711
SOCKET_MODE: Final = 0o660
HTTP_SECONDS: Final = 1.0  # for an answer under way at the end


def listen(address: str, owner: SocketSettings) -> socket.socket:
    """With the folder that it is to lie in. Raises Unavailable, InvalidArgument, FailedPrecondition."""
    try:
        make_folders(os.path.dirname(os.path.abspath(address)), FOLDER_MODE)
    except OSError as error:
        raise Unavailable(f"listen on {address}: {error}") from error
    return listen_unix(address, mode=SOCKET_MODE, owner=owner.uid, group=owner.gid)


def call_counters(settings: Settings) -> "CallCounters | None":
    """What counts calls for the metrics' socket; None where nobody wants that."""
    if not settings.metrics.address:
        return None
    from slipway.containerd.metrics.calls import CallCounters

    return CallCounters(histogram=settings.metrics.grpc_histogram)


async def serve_metrics(
    stack: AsyncExitStack, settings: Settings, calls: "CallCounters | None", running: Running
) -> None:
    """Of the calls in `calls` and of what runs. Most daemons pay nothing for this, nor for `serve_debug`."""
    if calls is None:
        return
    from slipway.containerd.metrics.endpoint import MetricsEndpoint
    from slipway.containerd.tasks.measure import measure

    measuring = (lambda: measure(running.tasks.every(), running.timeouts.stats)) if monitors(settings) else None
    await _serve_http(stack, settings.metrics.address, SocketSettings(), MetricsEndpoint(calls, measuring).answer)


async def serve_debug(stack: AsyncExitStack, settings: Settings) -> None:
    if not settings.debug.address:
        return
    from slipway.containerd.debug.endpoint import DebugEndpoint

    await _serve_http(stack, settings.debug.address, settings.debug, DebugEndpoint().answer)


async def _serve_http(stack: AsyncExitStack, address: str, owner: SocketSettings, answer: "Handler") -> None:
    """On a unix socket where `address` is a path, or else on ADDRESS:PORT."""
    from slipway.transport.aio.http_messages import Response
    from slipway.transport.aio.http_server import HttpServer, tcp_socket

    server = HttpServer(answer, lambda error: Response(status=400, body=f"{error.message}\n".encode()), most=64)
    listener = listen(address, owner) if os.path.isabs(address) else tcp_socket(f"tcp://{address}")
    await server.listen(listener)
    stack.push_async_callback(server.close, timeout=HTTP_SECONDS)
    log.info("serving...", extra={"fields": {"address": address}})
