"""Decoding and checking configurations."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.base.errors import EngineError, InvalidArgument
from slipway.contracts.oci.runtime import spec_from_json
from slipway.runc.spec.example import example_spec
from slipway.runc.spec.validate import check_spec


def check(**changes: Any) -> None:
    check_spec(spec_from_json({**example_spec(), **changes}))


def test_the_example_is_valid() -> None:
    check()


def test_unknown_fields_and_nulls_are_ignored() -> None:
    check(windows={"x": 1}, hooks=None, annotations=None, mounts=None)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ociVersion": "2.0.0"}, "ociVersion"),
        ({"root": None}, "root must be specified"),
        ({"process": {"cwd": "relative", "args": ["x"]}}, "absolute"),
        ({"process": {"cwd": "/", "args": []}}, "args must not be empty"),
        ({"process": {"cwd": "/", "args": ["x"], "env": ["NOVALUE"]}}, "missing '='"),
        ({"process": {"cwd": "/", "args": ["x\x00y"]}}, "NUL"),
        ({"process": {"cwd": "/", "args": ["x"], "user": {"uid": 1 << 32}}}, "uid"),
        ({"process": {"cwd": "/", "args": ["x"], "user": {"uid": -1}}}, "uid"),
        ({"process": {"cwd": "/", "args": ["x"], "user": {"uid": True}}}, "uid"),
        ({"process": {"cwd": "/", "args": ["x"], "rlimits": [{"type": "RLIMIT_X"}]}}, "rlimit"),
        ({"process": {"cwd": "/", "args": "x"}}, "process.args must be a list"),
        ({"mounts": [{"destination": ""}]}, "destination"),
        ({"mounts": [{"destination": "/x", "options": [1]}]}, "mounts\\[0\\].options\\[0\\]"),
        ({"linux": {"namespaces": [{"type": "pid"}, {"type": "pid"}]}, "hostname": ""}, "duplicated ns"),
        ({"linux": {"namespaces": [{"type": "warp"}]}, "hostname": ""}, "does not exist"),
        ({"linux": {"namespaces": [{"type": "mount"}]}}, "hostname"),
        ({"linux": {"maskedPaths": ["/proc/x"]}, "hostname": ""}, "MNT namespace"),
        ({"linux": {"resources": {"devices": [{"allow": True, "access": "x"}]}}}, "access"),
    ],
)
def test_a_wrong_configuration_is_refused_with_the_name_of_the_field(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        check(**changes)


@pytest.mark.parametrize(
    "key", ["kernel.hostname", "kernel.panic", "vm.swappiness", "net..x", "net.../../kernel.panic"]
)
def test_sysctls_of_the_host_are_refused(key: str) -> None:
    kinds = [{"type": kind} for kind in ("network", "ipc", "uts", "mount")]
    with pytest.raises(InvalidArgument):
        check(linux={"namespaces": kinds, "sysctl": {key: "1"}})


def test_sysctls_of_a_namespace_need_that_namespace() -> None:
    check(linux={"namespaces": [{"type": "network"}], "sysctl": {"net.ipv4.ip_forward": "1"}}, hostname="")
    with pytest.raises(InvalidArgument):
        check(linux={"sysctl": {"net.ipv4.ip_forward": "1"}}, hostname="")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(sorted(example_spec())), JSON)
def test_no_configuration_raises_anything_but_an_engine_error(key: str, value: Any) -> None:
    with suppress(EngineError):
        check(**{key: value})


@given(JSON)
def test_nothing_at_all_is_refused_too(value: Any) -> None:
    with pytest.raises(InvalidArgument):
        check_spec(spec_from_json(value))
