"""containerd's version service."""

from typing import Final

from google.protobuf.empty_pb2 import Empty

from slipway.clients.containerd.calls import Connection, service_methods
from slipway.contracts.containerd_api.generated import version_pb2

METHODS: Final = service_methods(version_pb2.DESCRIPTOR, "Version")


async def version(connection: Connection, *, timeout: float = 5) -> tuple[str, str]:
    """(version, revision); also the cheapest way to see whether containerd answers."""
    reply = await connection.call(METHODS["version"], Empty(), timeout=timeout)
    return reply.version, reply.revision
