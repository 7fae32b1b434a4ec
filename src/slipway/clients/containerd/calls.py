"""One containerd, in one namespace: what every service's client calls through."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from google.protobuf.descriptor import FileDescriptor

from slipway.contracts.containerd_api.status import error_from_status
from slipway.transport.aio.grpc_client import ChannelStream, GrpcChannel
from slipway.transport.aio.grpc_method import Method, methods_of

NAMESPACE_HEADER: Final = "containerd-namespace"
CALL_TIMEOUT: Final = 120.0  # of calls that touch no process: beyond it containerd is not coming back


class Connection:
    """A channel to containerd's socket and the namespace that every call carries. Connects at the first call."""

    def __init__(self, address: str, namespace: str) -> None:
        self.address = address
        self.namespace = namespace
        self._channel = GrpcChannel(address, error_from_status)
        self._headers = {NAMESPACE_HEADER: namespace}

    async def call(self, method: Method, request: Any, *, timeout: float | None = CALL_TIMEOUT) -> Any:
        """One request, one reply; raises the kind that containerd answered, Unavailable when it cannot be reached."""
        return await self._channel.call(method, request, headers=self._headers, timeout=timeout)

    def replies(self, method: Method, request: Any) -> AsyncIterator[Any]:
        return self._channel.replies(method, request, headers=self._headers)

    def open(self, method: Method) -> AbstractAsyncContextManager[ChannelStream]:
        return self._channel.open(method, headers=self._headers)

    def close(self) -> None:
        self._channel.close()


def service_methods(file: FileDescriptor, service: str) -> Mapping[str, Method]:
    """The methods of `service` in a generated file, by our names (`delete_process`)."""
    return methods_of(file.services_by_name[service])


def nanoseconds_from_timestamp(timestamp: Any) -> int:
    """A protobuf Timestamp as nanoseconds since the epoch; an absent one is 0."""
    return int(timestamp.seconds) * 1_000_000_000 + int(timestamp.nanos)
