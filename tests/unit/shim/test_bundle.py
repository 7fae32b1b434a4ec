"""What containerd writes to a shim's `start`."""

from pathlib import Path

import pytest

from slipway.base.errors import InvalidArgument
from slipway.contracts.shim_api.bootstrap import BootstrapParams, Extension
from slipway.contracts.shim_api.options import OPTIONS_TYPE, Options
from slipway.shim.bundle import exec_pid_file, options_from_start, write_process
from slipway.wire.protobuf import encode
from slipway.wire.protobuf_known import AnyMessage

PACKED = AnyMessage(type_url=OPTIONS_TYPE, value=encode(Options(shim_cgroup="/shims")))


def test_options_stand_alone_for_containerd_up_to_2_2() -> None:
    assert options_from_start(encode(PACKED), "c").shim_cgroup == "/shims"
    assert options_from_start(b"", "c").shim_cgroup == ""


def test_options_stand_among_parameters_since_containerd_2_3() -> None:
    other = Extension(value=AnyMessage(type_url="containerd.io/nri.v1.PluginConfig", value=b"\xff"))
    for extensions, cgroup in (([], ""), ([other], ""), ([other, Extension(value=PACKED)], "/shims")):
        parameters = BootstrapParams(instance_id="c", namespace="moby", extensions=extensions)
        assert options_from_start(encode(parameters), "c").shim_cgroup == cgroup


@pytest.mark.parametrize("data", [b"\xff\xff\xff", b"\x0a\x05ab", encode(AnyMessage(type_url="kata", value=b"x"))])
def test_what_is_neither_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidArgument):
        options_from_start(data, "c")


@pytest.mark.parametrize("exec_id", ["config", "options", "init", "log", "bootstrap"])
def test_an_exec_takes_no_file_of_the_bundle(tmp_path: Path, exec_id: str) -> None:
    """Its id is its client's choice: `config` wrote over the specification, and took it away."""
    theirs = {f"{name}.json" for name in ("config", "options", "log", "bootstrap")} | {"init.pid"}
    written = {write_process(str(tmp_path), exec_id, b"{}", terminal=False), exec_pid_file(str(tmp_path), exec_id)}
    assert not {Path(path).name for path in written} & theirs
    assert {Path(path).parent for path in written} == {tmp_path}
