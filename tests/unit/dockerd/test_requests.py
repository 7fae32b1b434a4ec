"""Requests become typed data by Go's rules: names without regard to case, null elements, arrays of a fixed size."""

from typing import Any

import orjson
import pytest

from slipway.base.errors import InvalidArgument
from slipway.contracts.engine_api.create_request import create_request_from_document
from slipway.contracts.engine_api.execs import ExecConfig, ExecStart
from slipway.contracts.engine_api.host_config import HostConfig
from slipway.contracts.engine_api.schema import decode
from slipway.contracts.engine_api.volumes import VolumeRequest
from slipway.dockerd.containers.execs.exec_process import started_process, wanted_output
from slipway.dockerd.containers.execs.model import Exec


@pytest.mark.parametrize("name", ["HostConfig", "hostConfig", "hostconfig", "HOSTCONFIG"])
def test_no_spelling_of_a_part_of_create_loses_it(name: str) -> None:
    networking = {"endpointsconfig": {"bridge": {"macaddress": "02:00:00:00:00:01"}, "host": None}}
    request = create_request_from_document(
        {"image": "nginx", name: {"memory": 1 << 30, "readonlyrootfs": True}, "networkingConfig": networking}
    )
    assert (request.config.image, request.host_config.memory) == ("nginx", 1 << 30)
    assert request.host_config.readonly_rootfs
    assert request.networks["bridge"].mac_address == "02:00:00:00:00:01"
    assert request.networks["host"].mac_address == ""


@pytest.mark.parametrize("document", [{}, {"HostConfig": None, "NetworkingConfig": None}])
def test_an_absent_part_has_its_defaults(document: dict[str, None]) -> None:
    request = create_request_from_document(document)
    assert (request.host_config, request.networks) == (HostConfig(), {})


def test_null_among_strings_and_numbers_is_their_zero() -> None:
    host = decode(HostConfig, {"Binds": [None, "/a:/b"], "Sysctls": {"kernel.shmmax": None}, "ConsoleSize": [None, 7]})
    assert host.binds == ("", "/a:/b")
    assert host.sysctls == {"kernel.shmmax": ""}
    assert host.console_size == (0, 7)
    assert decode(ExecConfig, {"Cmd": ["a", None]}).cmd == ("a", "")


@pytest.mark.parametrize(
    ("numbers", "size"), [([], (0, 0)), ([3], (3, 0)), ([3, 4], (3, 4)), ([3, 4, 5], (3, 4)), (None, (0, 0))]
)
def test_a_window_size_is_padded_and_cut(numbers: list[int] | None, size: tuple[int, int]) -> None:
    assert decode(HostConfig, {"ConsoleSize": numbers}).console_size == size


@pytest.mark.parametrize("numbers", [[-1, 2], ["1", 2], 3, {}])
def test_what_is_no_window_size_is_refused(numbers: object) -> None:
    with pytest.raises(InvalidArgument, match=r"^exec start\.ConsoleSize"):
        decode(ExecStart, {"ConsoleSize": numbers}, "exec start")


def test_execs_and_volumes_are_asked_for_without_regard_to_case() -> None:
    assert decode(ExecStart, {"detach": True, "TTY": True}) == ExecStart(detach=True, tty=True)
    assert decode(VolumeRequest, {"name": "data", "LABELS": {"a": None}}).labels == {"a": ""}


def exec_of(config: ExecConfig) -> Exec:
    streams: Any = None
    return Exec("0" * 64, "1" * 64, config, b'{"terminal":true,"consoleSize":{"height":1,"width":2}}', streams)


@pytest.mark.parametrize(
    ("has_terminal", "start", "size"),
    [
        (True, ExecStart(tty=True, console_size=(24, 80)), (24, 80)),
        (True, ExecStart(tty=True), (1, 2)),
        (True, ExecStart(tty=False, console_size=(24, 80)), (1, 2)),
        (False, ExecStart(tty=True, console_size=(24, 80)), (1, 2)),
    ],
)
def test_a_terminal_has_the_size_that_the_start_says(
    has_terminal: bool, start: ExecStart, size: tuple[int, int]
) -> None:
    process = orjson.loads(started_process(exec_of(ExecConfig(tty=has_terminal)), start))
    assert (process["consoleSize"]["height"], process["consoleSize"]["width"]) == size
    assert process["terminal"] is True


def test_who_reads_a_terminal_gets_no_standard_error() -> None:
    config = ExecConfig(attach_stdout=True, attach_stderr=True)
    assert wanted_output(config, ExecStart(tty=True)) == {"stdout"}
    assert wanted_output(config, ExecStart(tty=False)) == {"stdout", "stderr"}
    assert wanted_output(ExecConfig(attach_stderr=True), ExecStart()) == {"stderr"}
