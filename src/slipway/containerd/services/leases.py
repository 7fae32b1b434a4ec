"""containerd.services.leases.v1"""

import asyncio
import secrets
from typing import Any

from google.protobuf.empty_pb2 import Empty

from slipway.base.clock import Clock
from slipway.containerd.collection.interface import Collection
from slipway.containerd.leases.model import Lease, LeaseResource
from slipway.containerd.leases.store import LeaseStore
from slipway.containerd.services.messages import timestamp
from slipway.containerd.services.scope import scope_of
from slipway.contracts.containerd_api.generated import leases_pb2 as api
from slipway.transport.aio.grpc_server import Call


class LeasesService:
    """A synchronous delete answers when what the lease held is gone, too; any other has it go soon."""

    def __init__(self, store: LeaseStore, collection: Collection, clock: Clock) -> None:
        self._store = store
        self._collection = collection
        self._clock = clock

    async def create(self, call: Call, request: Any) -> Any:
        lease = Lease(id=request.id or self._fresh_id(), labels=dict(request.labels))
        created = await asyncio.to_thread(self._store.create, scope_of(call), lease)
        return api.CreateResponse(lease=_message(created))

    async def delete(self, call: Call, request: Any) -> Any:
        await asyncio.to_thread(self._store.delete, scope_of(call), request.id)
        if request.sync:
            await self._collection.collect()
        else:
            self._collection.collect_soon()
        return Empty()

    async def list(self, call: Call, request: Any) -> Any:
        found = await asyncio.to_thread(self._store.list, scope_of(call), list(request.filters))
        return api.ListResponse(leases=map(_message, found))

    async def add_resource(self, call: Call, request: Any) -> Any:
        resource = _resource(request.resource)
        await asyncio.to_thread(self._store.add_resource, scope_of(call), request.id, resource)
        return Empty()

    async def delete_resource(self, call: Call, request: Any) -> Any:
        resource = _resource(request.resource)
        await asyncio.to_thread(self._store.delete_resource, scope_of(call), request.id, resource)
        return Empty()

    async def list_resources(self, call: Call, request: Any) -> Any:
        found = await asyncio.to_thread(self._store.resources, scope_of(call), request.id)
        resources = [api.Resource(id=resource.id, type=resource.kind) for resource in found]
        return api.ListResourcesResponse(resources=resources)

    def _fresh_id(self) -> str:
        """Time and chance, as the original's client makes them."""
        return f"{self._clock.now()}-{secrets.token_urlsafe(6)}"


def _resource(message: api.Resource) -> LeaseResource:
    return LeaseResource(message.type, message.id)


def _message(lease: Lease) -> api.Lease:
    return api.Lease(id=lease.id, created_at=timestamp(lease.created_at), labels=lease.labels)
