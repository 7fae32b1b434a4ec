"""One call to a shim, whichever of its services it is of: over ttrpc on asyncio."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slipway.base.errors import EngineError
from slipway.contracts.shim_api.status import error_from_code
from slipway.wire.protobuf import DecodeError, decode, encode

if TYPE_CHECKING:
    from slipway.transport.aio.ttrpc import TtrpcClient
    from slipway.wire.protobuf import Message, MessageType


class ServiceCalls:
    """The calls of one service over one connection. They may overlap; see interface.TaskClient for what they raise."""

    def __init__(self, client: TtrpcClient, service: str) -> None:
        self._client = client
        self._service = service

    async def call(
        self, method: str, request: Message, response: type[MessageType], timeout: float | None = None
    ) -> MessageType:
        reply = await self._client.call(self._service, method, encode(request), timeout=timeout)
        if reply.code:
            raise error_from_code(reply.code, reply.message)
        try:
            return decode(response, reply.payload)
        except DecodeError as error:
            raise EngineError(f"decode the shim's answer to {method}: {error}") from error
