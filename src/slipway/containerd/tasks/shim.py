"""One running shim, as this daemon knows it."""

import asyncio

from slipway.clients.shim.interface import ShimRequest, TaskClient
from slipway.containerd.tasks.bundle import Bundle
from slipway.containerd.tasks.model import TaskEnd


class RunningShim:
    """A connected shim. `end` is settled when the shim died and was cleaned up after; `is_leaving` once we told it to
    go; `is_silent` while it lives and does not answer (it is stopped, say). `sandbox` is the one whose shim it is."""

    def __init__(self, bundle: Bundle, request: ShimRequest, client: TaskClient, sandbox: str = "") -> None:
        self.bundle = bundle
        self.request = request
        self.client = client
        self.sandbox = sandbox
        self.is_leaving = False
        self.is_silent = False
        self.end: asyncio.Future[TaskEnd] = asyncio.get_running_loop().create_future()

    @property
    def namespace(self) -> str:
        return self.bundle.namespace

    @property
    def id(self) -> str:
        return self.bundle.id
