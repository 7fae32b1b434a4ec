"""Which containers share a shim, and where it listens."""

import json

import pytest

from slipway.base.errors import InvalidArgument
from slipway.contracts.shim_api.grouping import group_from_specification
from slipway.shim.grouping import Expected, group_path

GROUP, POD = "io.containerd.runc.v2.group", "io.kubernetes.cri.sandbox-id"


@pytest.mark.parametrize(
    ("annotations", "group"),
    [
        ({}, ""),
        ({"other": GROUP}, ""),
        ({GROUP: "g"}, "g"),
        ({POD: "p"}, "p"),
        ({POD: "p", GROUP: "g"}, "g"),
        ({GROUP: 7}, ""),
        ({GROUP: None, POD: "p"}, "p"),
        ([GROUP], ""),
        (GROUP, ""),
    ],
)
def test_the_first_annotation_that_is_there_names_the_group(annotations: object, group: str) -> None:
    assert group_from_specification(json.dumps({"annotations": annotations}).encode()) == group


def test_a_specification_is_only_decoded_when_it_could_name_one() -> None:
    assert group_from_specification(b"no json") == ""
    assert group_from_specification(json.dumps([GROUP]).encode()) == ""
    with pytest.raises(InvalidArgument):
        group_from_specification(b"no json " + GROUP.encode())


def test_a_groups_socket_is_its_own_whatever_its_name() -> None:
    names = ["g", "h", "../../etc/passwd", "a\0b", "", "x" * 10_000, "\u00e9"]
    paths = {group_path("/run/c/c.sock", "ns", name) for name in names}
    paths |= {group_path("/run/c/c.sock", "other", "g"), group_path("/run/c/another.sock", "ns", "g")}
    assert len(paths) == len(names) + 2
    assert all(path.startswith("/run/c/s/") and len(path) == len("/run/c/s/") + 32 for path in paths)


def test_a_container_is_expected_until_it_comes_or_its_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    expected = Expected()
    assert not expected
    expected.add("a")
    expected.add("b")
    expected.discard("a")
    expected.discard("never there")
    assert expected
    now += 61
    assert not expected
