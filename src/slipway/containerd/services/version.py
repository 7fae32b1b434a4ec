"""containerd.services.version.v1"""

from typing import Any

from slipway.contracts.containerd_api.generated import version_pb2 as api
from slipway.transport.aio.grpc_server import Call


class VersionService:
    """Says what `containerd --version` says."""

    def __init__(self, version: str, revision: str) -> None:
        self._response = api.VersionResponse(version=version, revision=revision)

    async def version(self, call: Call, request: Any) -> Any:
        return self._response
