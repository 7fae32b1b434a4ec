"""One running shim, as this daemon knows it."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from slipway.clients.shim.interface import ShimRequest, TaskClient
from slipway.containerd.tasks.bundle import Bundle
from slipway.containerd.tasks.model import TaskEnd
from slipway.linux.processes import read_stat

T = TypeVar("T")

SILENT_SECONDS: Final = 0.05


class RunningShim:
    """A connected shim. `end` is settled when the shim died and was cleaned up after; `is_leaving` once we told it to
    go; `is_silent` while it lives and does not answer (it is stopped, say). `pid` is 0 where it is not known. A shim
    with a `group` may be that of other containers, too, each of which has a connection of its own; one with a `sandbox`
    is that sandbox's."""

    def __init__(
        self,
        bundle: Bundle,
        request: ShimRequest,
        client: TaskClient,
        *,
        pid: int = 0,
        group: str = "",
        sandbox: str = "",
    ) -> None:
        self.bundle = bundle
        self.request = request
        self.client = client
        self.pid = pid
        self.group = group
        self.sandbox = sandbox
        self.is_leaving = False
        self.is_silent = False
        self.end: asyncio.Future[TaskEnd] = asyncio.get_running_loop().create_future()

    async def prompt(self, asked: Coroutine[Any, Any, T], seconds: float | None) -> T:
        """The shim's answer to what is asked of many at once. Raises TimeoutError, after `seconds` (None: never) at the
        latest.

        One that is stopped, or that did not answer the last time, delays nobody: it has `SILENT_SECONDS`.
        """
        answer = asyncio.ensure_future(asked)
        waited = 0.0
        try:
            while not (await asyncio.wait([answer], timeout=SILENT_SECONDS))[0]:
                waited += SILENT_SECONDS
                is_late = seconds is not None and waited >= seconds
                if self.is_silent or is_late or self._is_stopped():
                    self.is_silent = True
                    raise TimeoutError
        finally:
            answer.cancel()
        self.is_silent = False
        return answer.result()

    def _is_stopped(self) -> bool:
        status = read_stat(self.pid) if self.pid else None
        return status is not None and status.state in ("T", "t")

    @property
    def namespace(self) -> str:
        return self.bundle.namespace

    @property
    def id(self) -> str:
        return self.bundle.id
