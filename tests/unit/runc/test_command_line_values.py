"""Sizes, durations, sub groups and changes of limits, as values."""

import pytest

from slipway.base.errors import InvalidArgument
from slipway.contracts.oci.runtime import resources_from_json
from slipway.runc.options.help import COMMANDS, command_help, program_help
from slipway.runc.options.parse import seconds_from_duration
from slipway.runc.options.sizes import bytes_from_text
from slipway.runc.plan.sub_groups import paths_from_arguments, plan_sub_groups
from slipway.runc.plan.update import complete_update


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("64m", 64 << 20),
        ("64 MiB", 64 << 20),
        ("1.5GB", 3 << 29),
        ("7b", 7),
        ("2P", 2 << 50),
        ("x", None),
        ("", None),
        ("-5", None),
        ("1_0", None),
        ("5ib", None),
        ("1.2.3k", None),
        ("5 x", None),
        ("٣", None),
    ],
)
def test_sizes(text: str, size: "int | None") -> None:
    assert bytes_from_text(text) == size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5s", 5.0),
        ("1m30s", 90.0),
        ("1.5h", 5400.0),
        ("100ms", 0.1),
        ("-1s", -1.0),
        ("0", 0.0),
        ("5", None),
        ("", None),
        ("s", None),
        ("1x", None),
        (".s", None),
    ],
)
def test_durations(text: str, seconds: "float | None") -> None:
    assert seconds_from_duration(text) == (seconds if seconds is None else pytest.approx(seconds))


def test_a_group_below_stays_below() -> None:
    groups = {"memory": "/m/c", "pids": "/p/c"}
    assert plan_sub_groups(groups, paths_from_arguments(["a/b"])) == {"memory": "/m/c/a/b", "pids": "/p/c/a/b"}
    assert plan_sub_groups(groups, paths_from_arguments(["memory:x"])) == {"memory": "/m/c/x", "pids": "/p/c"}
    assert plan_sub_groups(groups, {}) == groups
    for arguments in (["../d"], ["memory:/../../x"], ["cpu:x"]):
        with pytest.raises(InvalidArgument):
            plan_sub_groups(groups, paths_from_arguments(arguments))


def test_an_update_on_v2_knows_what_is_set_already() -> None:
    files = {"memory.max": "1000", "memory.current": "10", "cpu.max": "5000 20000"}
    resources = resources_from_json({"memory": {"swap": 3000}, "cpu": {"period": 50000}})
    complete_update(resources, unified=True, read=files.__getitem__)
    assert (resources.memory.limit, resources.cpu.quota) == (1000, 5000)
    resources = resources_from_json({"cpu": {"quota": 700}})
    complete_update(resources, unified=True, read=files.__getitem__)
    assert (resources.cpu.quota, resources.cpu.period) == (700, 20000)
    resources = resources_from_json({"memory": {"limit": 10, "checkBeforeUpdate": True}})
    with pytest.raises(InvalidArgument, match=r"rejecting memory limit 10 <= usage 10"):
        complete_update(resources, unified=True, read=files.__getitem__)


@pytest.mark.parametrize("shares", [1, 262145])
def test_shares_that_the_kernel_would_bend_are_refused(shares: int) -> None:
    with pytest.raises(InvalidArgument):
        complete_update(resources_from_json({"cpu": {"shares": shares}}), unified=False, read=lambda _: "")


def test_help_names_every_command() -> None:
    assert all(f"\n   {verb}" in program_help((), "1") for verb in COMMANDS)
    assert command_help("state", ()).startswith("NAME:\n   runc state - ")
