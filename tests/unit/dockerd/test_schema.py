"""Engine API documents decode into typed data, and malformed ones into sentences."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.base.errors import InvalidArgument
from slipway.contracts.engine_api.container_config import ContainerConfig
from slipway.contracts.engine_api.host_config import HostConfig, PortBinding
from slipway.contracts.engine_api.schema import decode, encode

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=8,
)


def test_null_leaves_defaults_and_names_ignore_case() -> None:
    config = decode(ContainerConfig, {"image": "nginx", "Env": None, "OPENSTDIN": True, "Unknown": 1})
    assert (config.image, config.env, config.open_stdin) == ("nginx", None, True)


def test_a_lone_string_is_a_command_of_one() -> None:
    assert decode(ContainerConfig, {"Cmd": "true", "Entrypoint": ["a", "b"]}).cmd == ("true",)


def test_nil_and_empty_stay_apart() -> None:
    host = decode(HostConfig, {"Dns": [], "PortBindings": {"80/tcp": None, "81/tcp": [{"HostPort": "1"}]}})
    document = encode(host)
    assert document["Dns"] == []
    assert document["DnsSearch"] is None
    assert document["PortBindings"] == {"80/tcp": None, "81/tcp": [{"HostIp": "", "HostPort": "1"}]}
    assert host.port_bindings is not None
    assert host.port_bindings["81/tcp"] == (PortBinding(host_port="1"),)


def test_what_go_omits_is_omitted() -> None:
    document = encode(ContainerConfig(stop_timeout=0))
    assert document["StopTimeout"] == 0  # a pointer's zero is not empty
    assert "Shell" not in document
    assert document["Volumes"] is None


@pytest.mark.parametrize(
    ("document", "member"),
    [
        ({"Memory": "1"}, "HostConfig.Memory"),
        ({"Memory": True}, "HostConfig.Memory"),
        ({"Memory": 1.5}, "HostConfig.Memory"),
        ({"Memory": 1 << 63}, "HostConfig.Memory"),
        ({"Binds": "x"}, "HostConfig.Binds"),
        ({"Binds": [1]}, "HostConfig.Binds[0]"),
        ({"PortBindings": {"80/tcp": {}}}, "HostConfig.PortBindings['80/tcp']"),
        ({"Ulimits": [None]}, "HostConfig.Ulimits[0]"),
        ([], "HostConfig"),
    ],
)
def test_a_wrong_type_names_its_member(document: object, member: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        decode(HostConfig, document, "HostConfig")
    assert refused.value.message.startswith(f"{member}: ")


@given(JSON, st.sampled_from(["Memory", "Binds", "PortBindings", "LogConfig", "Mounts", "Init", "Nosuch"]))
def test_nothing_but_a_sentence_comes_of_anything(value: object, member: str) -> None:
    try:
        decoded = decode(HostConfig, {member: value})
    except InvalidArgument:
        return
    document = encode(decoded)
    assert encode(decode(HostConfig, document)) == document
