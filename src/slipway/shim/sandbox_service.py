"""The sandbox service: a shim that lives for a group of containers, with none of them as its first.

The sandbox is only the shim's own life, as with the original of containerd 1.7: it has no process, no root file system
and no namespaces of its own, so its process id is 0. Each container brings its own specification.
"""

from __future__ import annotations

import os
import time

from slipway.base.errors import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    NotImplementedByEngine,
)
from slipway.base.identifiers import check_identifier
from slipway.contracts.oci.architectures import architecture_from_machine
from slipway.contracts.shim_api import sandbox as messages
from slipway.shim.model import Container, Sandbox
from slipway.shim.shim import Shim
from slipway.wire.protobuf import DecodeError, Message, decode, encode
from slipway.wire.protobuf_known import Empty, Timestamp, timestamp_from_nanoseconds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

    from slipway.wire.ttrpc import Call

_KILL = 9
_STOP_SECONDS = 10  # for a caller that names no time


class SandboxService:
    """Answers ttrpc calls. `shut_down` ends the shim."""

    def __init__(self, shim: Shim, shut_down: Callable[[], None]) -> None:
        self._shim = shim
        self._shut_down = shut_down

    async def answer(self, call: Call) -> bytes:
        """The encoded response. Raises EngineError: NotImplementedByEngine for unknown methods."""
        method = _METHODS.get(call.method)
        if method is None:
            raise NotImplementedByEngine(f"/{call.service}/{call.method} is not implemented")
        try:
            request = decode(messages.METHODS[call.method][0], call.payload)
        except DecodeError as error:
            raise InvalidArgument(f"decode {call.method} request: {error}") from None
        return encode(await method(self, request))

    async def _create(self, request: messages.CreateSandboxRequest) -> Message:
        check_identifier(request.sandbox_id, "sandbox id")
        if self._shim.sandbox is not None:
            raise AlreadyExists(f"sandbox {self._shim.sandbox.id} is here already")
        self._shim.sandbox = Sandbox(request.sandbox_id, self._shim.loop.future())
        return Empty()

    async def _start(self, request: messages.SandboxRequest) -> Message:
        sandbox = self._sandbox(request.sandbox_id)
        if sandbox.exited_at:
            raise FailedPrecondition(f"start sandbox {sandbox.id}: it is stopped")
        sandbox.started_at = sandbox.started_at or time.time_ns()
        return messages.StartSandboxResponse(created_at=timestamp_from_nanoseconds(sandbox.started_at))

    async def _platform(self, _request: messages.SandboxRequest) -> Message:
        architecture = architecture_from_machine(os.uname().machine)
        return messages.PlatformResponse(platform=messages.Platform(os="linux", architecture=architecture))

    async def _stop(self, request: messages.StopSandboxRequest) -> Message:
        sandbox = self._sandbox(request.sandbox_id)
        for container in list(self._shim.containers.values()):
            await self._end_container(container, request.timeout_secs or _STOP_SECONDS)
        sandbox.end(time.time_ns())
        return Empty()

    async def _end_container(self, container: Container, seconds: float) -> None:
        init = container.init
        if not init.is_running:
            return
        try:
            await container.runtime.kill(container.id, _KILL, all=True)
        except NotFound:
            return  # it has just ended
        await self._shim.loop.done_within(init.exited, seconds)
        if init.is_running:
            raise FailedPrecondition(f"stop container {container.id}: it did not end within {seconds:g} s")

    async def _wait(self, request: messages.SandboxRequest) -> Message:
        sandbox = self._sandbox(request.sandbox_id)
        await sandbox.ended
        return messages.WaitSandboxResponse(exited_at=timestamp_from_nanoseconds(sandbox.exited_at))

    async def _status(self, request: messages.SandboxRequest) -> Message:
        sandbox = self._sandbox(request.sandbox_id)
        is_ready = sandbox.started_at and not sandbox.exited_at
        return messages.SandboxStatusResponse(
            sandbox_id=sandbox.id,
            state=messages.READY if is_ready else messages.NOT_READY,
            created_at=_timestamp_or_none(sandbox.started_at),
            exited_at=_timestamp_or_none(sandbox.exited_at),
        )

    async def _ping(self, request: messages.SandboxRequest) -> Message:
        self._sandbox(request.sandbox_id)
        return Empty()

    async def _shutdown(self, request: messages.SandboxRequest) -> Message:
        sandbox = self._sandbox(request.sandbox_id)
        if self._shim.containers:
            left = ", ".join(sorted(self._shim.containers))
            raise FailedPrecondition(f"shut sandbox {sandbox.id} down: it still has {left}")
        sandbox.end(time.time_ns())
        self._shut_down()
        return Empty()

    async def _metrics(self, request: messages.SandboxRequest) -> Message:
        self._sandbox(request.sandbox_id)
        return messages.SandboxMetricsResponse()

    def _sandbox(self, id: str) -> Sandbox:
        sandbox = self._shim.sandbox
        if sandbox is None or sandbox.id != id:
            raise NotFound(f"sandbox {id!r}: not found")
        return sandbox


# Not a table of each instance: see task_service.
_METHODS: dict[str, Callable[[SandboxService, Any], Awaitable[Message]]] = {
    "CreateSandbox": SandboxService._create,
    "StartSandbox": SandboxService._start,
    "Platform": SandboxService._platform,
    "StopSandbox": SandboxService._stop,
    "WaitSandbox": SandboxService._wait,
    "SandboxStatus": SandboxService._status,
    "PingSandbox": SandboxService._ping,
    "ShutdownSandbox": SandboxService._shutdown,
    "SandboxMetrics": SandboxService._metrics,
}


def _timestamp_or_none(nanoseconds: int) -> Timestamp | None:
    return timestamp_from_nanoseconds(nanoseconds) if nanoseconds else None
