"""What is left of a shim: nothing, whatever fails; and what its own `delete` said is passed on."""

import asyncio
import logging
from pathlib import Path

import pytest

from slipway.base.errors import FailedPrecondition, Unavailable
from slipway.clients.shim.interface import Bootstrap, DeadShim, ShimRequest
from slipway.containerd.containers.model import TypedValue
from slipway.containerd.tasks.bundle import Bundle
from slipway.containerd.tasks.shim_processes import ShimProcesses
from slipway.wire.protobuf import decode
from slipway.wire.protobuf_known import AnyMessage

DEAD = DeadShim(pid=7, exit_status=137, exited_at=3)


class Launcher:
    def __init__(self, *, refuses: str = "") -> None:
        self.refuses = refuses
        self.deleted: list[ShimRequest] = []

    async def launch(self, request: ShimRequest) -> Bootstrap:
        if self.refuses == "launch":
            raise Unavailable("launch: no shim")
        return Bootstrap(address="unix:///s")

    async def delete(self, request: ShimRequest) -> DeadShim:
        self.deleted.append(request)
        if self.refuses == "delete":
            raise Unavailable("delete: no shim")
        return DEAD

    async def close(self) -> None:
        pass


class Folders:
    def __init__(self, *, refuses: bool = False) -> None:
        self.refuses = refuses
        self.removed: list[Bundle] = []

    def remove(self, bundle: Bundle) -> None:
        self.removed.append(bundle)
        if self.refuses:
            raise FailedPrecondition("rootfs is busy")


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return Bundle(namespace="moby", id="one", path=str(tmp_path), work=f"{tmp_path}/work")


def processes(launcher: Launcher, folders: Folders) -> ShimProcesses:
    return ShimProcesses(launcher, folders, "/c.sock", logging.getLogger("test"), "shim")  # type: ignore[arg-type]


def test_a_request_says_where_events_go_and_carries_options_packed(bundle: Bundle) -> None:
    shims = processes(Launcher(), Folders())
    request = shims.request(bundle, "/bin/shim", TypedValue("o", b"v"))
    assert (request.namespace, request.id, request.bundle) == ("moby", "one", bundle.path)
    assert (request.address, request.ttrpc_address) == ("/c.sock", "/c.sock.ttrpc")
    assert decode(AnyMessage, request.options) == AnyMessage(type_url="o", value=b"v")
    assert shims.request(bundle, "", TypedValue()).options == shims.request(bundle, "").options == b""


def test_a_bundle_whose_shim_was_not_launched_goes_without_a_delete(bundle: Bundle) -> None:
    launcher, folders = Launcher(refuses="launch"), Folders()
    shims = processes(launcher, folders)

    async def launch() -> None:
        async with shims.removed_on_failure(bundle):
            await shims.launch(shims.request(bundle, ""))

    with pytest.raises(Unavailable, match="launch"):
        asyncio.run(launch())
    assert (launcher.deleted, folders.removed) == ([], [bundle])


@pytest.mark.parametrize("fails", [True, False])
def test_a_launched_shim_is_cleaned_up_after_only_on_failure(bundle: Bundle, *, fails: bool) -> None:
    launcher, folders = Launcher(), Folders()
    shims = processes(launcher, folders)
    request = shims.request(bundle, "")

    async def use() -> None:
        async with shims.cleaned_up_on_failure(bundle, request):
            if fails:
                raise KeyError("connect")

    if fails:
        with pytest.raises(KeyError):
            asyncio.run(use())
    else:
        asyncio.run(use())
    assert (launcher.deleted, folders.removed) == (([request], [bundle]) if fails else ([], []))


def test_what_fails_while_cleaning_up_is_logged_and_stops_nothing(
    bundle: Bundle, caplog: pytest.LogCaptureFixture
) -> None:
    folders = Folders(refuses=True)
    shims = processes(Launcher(refuses="delete"), folders)
    assert asyncio.run(shims.clean_up(bundle, shims.request(bundle, ""))) is None
    assert folders.removed == [bundle]
    assert caplog.messages == ["clean up after shim failed", "remove bundle failed"]


def test_cleaning_up_tells_what_delete_found(bundle: Bundle) -> None:
    shims = processes(Launcher(), Folders())
    assert asyncio.run(shims.clean_up(bundle, shims.request(bundle, ""))) == DEAD
