"""containerd.services.namespaces.v1"""

import asyncio
from typing import Any

from google.protobuf.empty_pb2 import Empty

from slipway.containerd.namespaces.model import Namespace
from slipway.containerd.namespaces.store import NamespaceStore
from slipway.contracts.containerd_api.generated import namespaces_pb2 as api
from slipway.contracts.containerd_api.words import check_identifier
from slipway.transport.aio.grpc_server import Call


class NamespacesService:
    def __init__(self, store: NamespaceStore) -> None:
        self._store = store

    async def get(self, call: Call, request: Any) -> Any:
        namespace = self._store.get(request.name)
        return api.GetNamespaceResponse(namespace=_message(namespace))

    async def list(self, call: Call, request: Any) -> Any:
        filters = [request.filter] if request.filter else []
        found = await asyncio.to_thread(self._store.list, filters)
        return api.ListNamespacesResponse(namespaces=map(_message, found))

    async def create(self, call: Call, request: Any) -> Any:
        created = await asyncio.to_thread(self._store.create, _from_message(request.namespace))
        return api.CreateNamespaceResponse(namespace=_message(created))

    async def update(self, call: Call, request: Any) -> Any:
        namespace = _from_message(request.namespace)
        updated = await asyncio.to_thread(self._store.update, namespace, list(request.update_mask.paths))
        return api.UpdateNamespaceResponse(namespace=_message(updated))

    async def delete(self, call: Call, request: Any) -> Any:
        await asyncio.to_thread(self._store.delete, request.name)
        return Empty()


def _from_message(message: api.Namespace) -> Namespace:
    name = check_identifier(message.name)
    return Namespace(name=name, labels=dict(message.labels))


def _message(namespace: Namespace) -> api.Namespace:
    return api.Namespace(name=namespace.name, labels=namespace.labels)
