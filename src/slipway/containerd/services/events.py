"""containerd.services.events.v1, and the event service that shims call over ttrpc."""

from collections.abc import AsyncIterator
from typing import Any

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import DecodeError

from slipway.base.clock import Clock
from slipway.base.errors import InvalidArgument, NotImplementedByEngine
from slipway.containerd.events.exchange import Exchange
from slipway.containerd.services.messages import timestamp
from slipway.containerd.services.scope import scope_of
from slipway.contracts.containerd_api.generated.ttrpc_events_pb2 import ForwardRequest
from slipway.contracts.containerd_api.generated.types_pb2 import Envelope
from slipway.transport.aio.grpc_server import Call
from slipway.wire import ttrpc

_FORWARD = ("containerd.services.events.ttrpc.v1.Events", "Forward")


class EventsService:
    def __init__(self, exchange: Exchange, clock: Clock) -> None:
        self._exchange = exchange
        self._clock = clock

    async def publish(self, call: Call, request: Any) -> Any:
        envelope = Envelope(
            timestamp=timestamp(self._clock.now()),
            namespace=scope_of(call).namespace,
            topic=request.topic,
            event=request.event,
        )
        self._exchange.forward(envelope)
        return Empty()

    async def forward(self, call: Call, request: Any) -> Any:
        self._exchange.forward(request.envelope)
        return Empty()

    async def subscribe(self, call: Call, request: Any) -> AsyncIterator[Any]:
        async for envelope in self._exchange.subscribe(list(request.filters)):
            yield _Encoded(envelope)


class _Encoded:
    """A reply that is encoded already: once, for all subscribers."""

    __slots__ = ("_data",)

    def __init__(self, data: bytes) -> None:
        self._data = data

    def SerializeToString(self) -> bytes:
        return self._data


class ShimEvents:
    """Answers the calls of shims at ADDRESS.ttrpc."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    async def answer(self, call: ttrpc.Call) -> bytes:
        """Deliver an event. Raises NotImplementedByEngine for other methods, InvalidArgument for malformed bytes."""
        if (call.service, call.method) != _FORWARD:
            raise NotImplementedByEngine(f"unknown method {call.method} for service {call.service}")
        try:
            request = ForwardRequest.FromString(call.payload)
        except DecodeError as error:
            raise InvalidArgument(f"decode event: {error}") from error
        self._exchange.forward(request.envelope)
        return b""
