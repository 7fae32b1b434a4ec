"""The shim's sandbox service: what a sandbox that is only the shim's life says of itself."""

from typing import Any

import pytest

from slipway.base.errors import (
    AlreadyExists,
    EngineError,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    NotImplementedByEngine,
)
from slipway.contracts.shim_api import sandbox as messages
from slipway.shim.sandbox_service import SandboxService
from slipway.transport.plain.loop import Loop
from slipway.wire.protobuf import Message, decode, encode
from slipway.wire.ttrpc import Call


class LonelyShim:
    """A shim without a container, or with one that is only a name."""

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.sandbox: Any = None
        self.containers: dict[str, Any] = {}


class Served:
    def __init__(self) -> None:
        self.loop = Loop()
        self.loop.open()
        self.shim = LonelyShim(self.loop)
        self.downs = 0
        self.service = SandboxService(self.shim, self.down)  # type: ignore[arg-type]

    def down(self) -> None:
        self.downs += 1

    def begin(self, method: str, request: Message | bytes) -> Any:
        payload = request if isinstance(request, bytes) else encode(request)
        return self.loop.spawn(self.service.answer(Call(1, messages.SERVICE, method, payload, 0, {})))

    def ask(self, method: str, request: Message | bytes | None = None) -> Any:
        named = messages.SandboxRequest(sandbox_id="box") if request is None else request
        answer = self.loop.run_until(self.begin(method, named))
        return decode(messages.METHODS[method][1], answer)


def test_a_life() -> None:
    served = Served()
    with pytest.raises(NotFound, match="sandbox 'box'"):
        served.ask("SandboxStatus")
    served.ask("CreateSandbox", messages.CreateSandboxRequest(sandbox_id="box", bundle_path="/b"))
    with pytest.raises(AlreadyExists):
        served.ask("CreateSandbox", messages.CreateSandboxRequest(sandbox_id="other"))
    assert served.ask("SandboxStatus").state == messages.NOT_READY
    started = served.ask("StartSandbox")
    assert served.ask("StartSandbox").created_at.nanos == started.created_at.nanos
    status = served.ask("SandboxStatus")
    assert (status.sandbox_id, status.state, status.pid, status.exited_at) == ("box", messages.READY, 0, None)
    assert served.ask("Platform").platform.os == "linux"
    assert served.ask("SandboxMetrics").metrics is None
    served.ask("PingSandbox")
    waiting = served.begin("WaitSandbox", messages.SandboxRequest(sandbox_id="box"))
    served.ask("PingSandbox")
    assert not waiting.done
    served.ask("StopSandbox", messages.StopSandboxRequest(sandbox_id="box"))
    ended = decode(messages.WaitSandboxResponse, served.loop.run_until(waiting))
    assert ended.exit_status == 0
    status = served.ask("SandboxStatus")
    assert (status.state, status.exited_at.seconds > 0) == (messages.NOT_READY, True)
    with pytest.raises(FailedPrecondition, match="it is stopped"):
        served.ask("StartSandbox")
    served.shim.containers = {"one": None}
    with pytest.raises(FailedPrecondition, match="it still has one"):
        served.ask("ShutdownSandbox")
    assert served.downs == 0
    served.shim.containers = {}
    served.ask("ShutdownSandbox")
    assert served.downs == 1


@pytest.mark.parametrize(
    ("method", "request_", "kind"),
    [
        ("CreateSandbox", messages.CreateSandboxRequest(sandbox_id="../x"), InvalidArgument),
        ("CreateSandbox", b"\xff", InvalidArgument),
        ("WaitSandbox", messages.SandboxRequest(sandbox_id="none"), NotFound),
        ("Explode", b"", NotImplementedByEngine),
    ],
)
def test_what_cannot_be(method: str, request_: Message | bytes, kind: type[EngineError]) -> None:
    served = Served()
    with pytest.raises(kind):
        served.loop.run_until(served.begin(method, request_))
