"""containerd.services.diff.v1"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final

from slipway.base.interruption import Interruption
from slipway.containerd.diff.interface import Differ
from slipway.containerd.services.messages import descriptor_from_message, descriptor_message, mounts_from_messages
from slipway.containerd.services.scope import scope_of
from slipway.contracts.containerd_api.generated import diff_pb2 as api
from slipway.transport.aio.grpc_server import Call

# Layers applied at once; further ones wait. A program that a layer goes through may be slow: it is none of the threads
# that serve everyone.
APPLIES: Final = 32


class DiffService:
    def __init__(self, differ: Differ) -> None:
        self._differ = differ
        self._threads = ThreadPoolExecutor(APPLIES, thread_name_prefix="apply")

    async def apply(self, call: Call, request: Any) -> Any:
        layer, mounts = descriptor_from_message(request.diff), mounts_from_messages(request.mounts)
        payloads = {name: payload.SerializeToString() for name, payload in request.payloads.items()}
        interruption = Interruption()
        apply = partial(
            self._differ.apply,
            scope_of(call),
            layer,
            mounts,
            sync=request.sync_fs,
            payloads=payloads,
            interruption=interruption,
        )
        try:
            applied = await asyncio.get_running_loop().run_in_executor(self._threads, apply)
        except asyncio.CancelledError:
            interruption.happen()
            raise
        return api.ApplyResponse(applied=descriptor_message(applied))

    async def diff(self, call: Call, request: Any) -> Any:
        has_epoch = request.HasField("source_date_epoch")
        diff = partial(
            self._differ.diff,
            scope_of(call),
            mounts_from_messages(request.left),
            mounts_from_messages(request.right),
            media_type=request.media_type,
            ref=request.ref,
            labels=dict(request.labels),
            source_date_epoch=request.source_date_epoch.seconds if has_epoch else None,
        )
        return api.DiffResponse(diff=descriptor_message(await asyncio.to_thread(diff)))
