"""sd_notify: to a socket with a file, to one without, to nobody."""

import socket
from pathlib import Path

import pytest

from slipway.base.errors import Unavailable
from slipway.service.notify import READY, notify


@pytest.mark.parametrize("abstract", [False, True])
def test_the_service_manager_hears_it(tmp_path: Path, abstract: bool) -> None:
    place = f"@slipway-test-{tmp_path.name}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.settimeout(5)
        manager.bind(f"\0{place[1:]}" if abstract else place)
        assert notify(READY, place)
        assert manager.recv(64) == b"READY=1"


def test_without_a_service_manager_nobody_is_told() -> None:
    assert not notify(READY, "")


def test_a_manager_that_is_gone_is_an_error_and_no_wait(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="tell the service manager READY=1"):
        notify(READY, str(tmp_path / "none"))
