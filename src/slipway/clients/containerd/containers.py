"""containerd's container service: records of what is to run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from google.protobuf.any_pb2 import Any as AnyMessage

from slipway.clients.containerd.calls import Connection, service_methods
from slipway.clients.containerd.tasks import SPEC_TYPE
from slipway.contracts.containerd_api.generated import containers_pb2

METHODS: Final = service_methods(containers_pb2.DESCRIPTOR, "Containers")


@dataclass(frozen=True, kw_only=True)
class ContainerRecord:
    """What containerd keeps of a container. `spec` is the JSON of an OCI specification."""

    id: str
    spec: bytes
    runtime: str
    runtime_options: AnyMessage | None = None
    image: str = ""
    snapshotter: str = ""
    snapshot_key: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


class Containers:
    """Calls of one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def create(self, record: ContainerRecord) -> None:
        """Raises AlreadyExists."""
        message = containers_pb2.Container(
            id=record.id,
            labels=dict(record.labels),
            image=record.image,
            runtime=containers_pb2.Container.Runtime(name=record.runtime, options=record.runtime_options),
            spec=AnyMessage(type_url=f"{SPEC_TYPE}Spec", value=record.spec),
            snapshotter=record.snapshotter,
            snapshot_key=record.snapshot_key,
        )
        await self._connection.call(METHODS["create"], containers_pb2.CreateContainerRequest(container=message))

    async def delete(self, container_id: str) -> None:
        """Raises NotFound."""
        await self._connection.call(METHODS["delete"], containers_pb2.DeleteContainerRequest(id=container_id))

    async def spec(self, container_id: str) -> bytes:
        """The specification as it was stored. Raises NotFound."""
        reply = await self._connection.call(METHODS["get"], containers_pb2.GetContainerRequest(id=container_id))
        return bytes(reply.container.spec.value)

    async def ids(self) -> list[str]:
        reply = await self._connection.call(METHODS["list"], containers_pb2.ListContainersRequest())
        return [container.id for container in reply.containers]
