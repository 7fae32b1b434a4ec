"""What a process document says, leaves out, and may not say."""

import os
from pathlib import Path
from typing import Any

import pytest

from slipway.base.errors import InvalidArgument
from slipway.contracts.oci.runtime import spec_from_json
from slipway.runc.confine import labels
from slipway.runc.spec.cpus import cpus_from_text
from slipway.runc.spec.example import example_spec
from slipway.runc.spec.inherited import completed, inheritance
from slipway.runc.spec.validate import check_spec


@pytest.mark.parametrize(
    ("text", "cpus"),
    [("", None), ("0", {0}), ("0-3,7", {0, 1, 2, 3, 7}), (" 1 , ,2-2,", {1, 2}), ("1023", {1023})],
)
def test_lists_of_cpus(text: str, cpus: set[int] | None) -> None:
    assert cpus_from_text(text, "x") == cpus


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (",", "no CPUs found"),
        ("3-1", "invalid range: 3-1"),
        ("1024", "larger than 1023"),
        ("1_0", "not a number"),
        ("-1", "not a number"),
        ("1-", "not a number"),
        ("٣", "not a number"),
        ("9" * 5000, "not a number"),
    ],
)
def test_lists_that_are_none(text: str, words: str) -> None:
    with pytest.raises(InvalidArgument, match=f"bad x: .*{words}"):
        cpus_from_text(text, "x")


@pytest.mark.parametrize(
    ("process", "words"),
    [
        ({"scheduler": {}}, "scheduler policy is required"),
        ({"scheduler": {"policy": "SCHED_OTHER", "nice": 20}}, "invalid scheduler.nice: 20 when"),
        ({"scheduler": {"policy": "SCHED_BATCH", "nice": -21}}, "invalid scheduler.nice: -21 when"),
        ({"scheduler": {"policy": "SCHED_OTHER", "priority": 3}}, "scheduler.priority can only be specified for"),
        ({"scheduler": {"policy": "SCHED_FIFO", "priority": 100}}, "invalid scheduler.priority: 100"),
        ({"scheduler": {"policy": "SCHED_OTHER", "runtime": 3}}, "runtime/deadline/period can only be specified for"),
        ({"ioPriority": {"class": "IOPRIO_X"}}, 'invalid ioPriority.Class: "IOPRIO_X"'),
        ({"ioPriority": {"class": "IOPRIO_CLASS_BE", "priority": 8}}, "invalid ioPriority.Priority: 8"),
        ({"execCPUAffinity": {"initial": "x"}}, 'bad CPUAffinity.Initial: "x"'),
        ({"execCPUAffinity": {"final": "2-1"}}, "bad CPUAffinity.Final: invalid range: 2-1"),
        ({"rlimits": [{"type": "RLIMIT_X"}]}, "wrong rlimit value: RLIMIT_X"),
        ({"rlimits": [{"type": "RLIMIT_CORE"}, {"type": "RLIMIT_CORE"}]}, "duplicate rlimit type: RLIMIT_CORE"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_process_that_cannot_be(process: dict[str, Any], words: str) -> None:
    example: dict[str, Any] = example_spec()
    example["process"] |= process
    with pytest.raises(InvalidArgument, match=words):
        check_spec(spec_from_json(example))


def test_a_document_takes_from_the_container_what_it_leaves_out() -> None:
    own: dict[str, Any] = {
        "args": ["x"],
        "env": ["A=b"],
        "noNewPrivileges": True,
        "rlimits": [{"type": "RLIMIT_CORE"}],
        "capabilities": {"bounding": ["CAP_KILL"]},
        "scheduler": {"policy": "SCHED_BATCH"},
        "apparmorProfile": "mine",
        "user": {"uid": 5, "umask": 7},
    }
    kept = inheritance(own)
    assert completed({"args": ["y"]}, kept) == {
        "args": ["y"],
        **{name: own[name] for name in ("rlimits", "capabilities", "scheduler", "apparmorProfile")},
        "user": {"umask": 7},
    }
    given: dict[str, Any] = {
        "rlimits": [{"type": "RLIMIT_CPU"}],
        "capabilities": {},
        "scheduler": {"policy": "SCHED_IDLE"},
        "apparmorProfile": "other",
        "user": {"uid": 3, "umask": 0},
    }
    assert completed(given, kept) == given
    assert completed({"user": {"uid": 3}}, kept)["user"] == {"uid": 3, "umask": 7}  # type: ignore[index,call-overload]


def test_what_is_no_document_is_left_to_the_decoder() -> None:
    assert completed([], {"rlimits": [1]}) == []
    assert completed({"user": "x"}, {"user": {"umask": 1}}) == {"user": "x"}
    assert inheritance(None) == {}


def test_selinux_labels_go_to_the_files_of_this_process(tmp_path: Path) -> None:
    """On an ordinary folder: the kernels of our machines have no SELinux."""
    (tmp_path / "attr").mkdir()
    for name in ("exec", "keycreate"):
        (tmp_path / "attr" / name).touch()
    folder = os.open(tmp_path, os.O_PATH)
    try:
        labels.enter_label_on_exec(folder, "system_u:system_r:container_t:s0:c1,c2")
        labels.label_new_keys(folder, "system_u:system_r:container_t:s0:c1,c2")
        assert (tmp_path / "attr/exec").read_text() == "system_u:system_r:container_t:s0:c1,c2"
        assert (tmp_path / "attr/keycreate").read_text() == "system_u:system_r:container_t:s0:c1,c2"
        (tmp_path / "attr/exec").unlink()
        with pytest.raises(OSError, match="No such file"):
            labels.enter_label_on_exec(folder, "x")
    finally:
        os.close(folder)
