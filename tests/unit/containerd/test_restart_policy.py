"""What restart labels ask for: a decision out of labels and a status, as the original takes it."""

import pytest

from slipway.base.errors import InvalidArgument
from slipway.containerd.restarts.policy import (
    COUNT_LABEL,
    POLICY_LABEL,
    STATUS_LABEL,
    STOPPED_LABEL,
    Action,
    action_for,
    check_log_uri,
)
from slipway.containerd.tasks.model import TaskStatus

FAILED = ("stopped", 3)
ENDED = ("stopped", 0)
RUNS = ("running", 0)


@pytest.mark.parametrize(
    ("wanted", "policy", "more", "status", "action"),
    [
        ("running", "", {}, None, Action.START),
        ("running", "always", {}, ENDED, Action.START),
        ("running", "always", {}, FAILED, Action.START),
        ("running", "always", {}, RUNS, Action.NOTHING),
        ("running", "always", {}, ("paused", 0), Action.NOTHING),
        ("running", "always", {}, ("pausing", 0), Action.NOTHING),
        ("running", "always", {}, ("created", 0), Action.START),
        ("running", "no", {}, None, Action.NOTHING),
        ("running", "no", {}, FAILED, Action.NOTHING),
        ("running", "on-failure", {}, FAILED, Action.START),
        ("running", "on-failure", {}, ENDED, Action.NOTHING),
        ("running", "on-failure", {}, None, Action.NOTHING),
        ("running", "on-failure:2", {}, FAILED, Action.START),
        ("running", "on-failure:2", {COUNT_LABEL: "1"}, FAILED, Action.START),
        ("running", "on-failure:2", {COUNT_LABEL: "2"}, FAILED, Action.NOTHING),
        ("running", "unless-stopped", {}, FAILED, Action.START),
        ("running", "unless-stopped", {STOPPED_LABEL: "false"}, None, Action.START),
        ("running", "unless-stopped", {STOPPED_LABEL: "true"}, FAILED, Action.NOTHING),
        ("running", "unless-stopped", {STOPPED_LABEL: "1"}, None, Action.NOTHING),
        ("running", "always", {STOPPED_LABEL: "true"}, ENDED, Action.START),
        ("stopped", "", {}, RUNS, Action.STOP),
        ("stopped", "", {}, ("paused", 0), Action.STOP),
        ("stopped", "", {}, ENDED, Action.NOTHING),
        ("stopped", "", {}, None, Action.NOTHING),
        ("paused", "", {}, RUNS, Action.NOTHING),
        ("", "", {}, RUNS, Action.NOTHING),
    ],
)
def test_action(wanted: str, policy: str, more: dict[str, str], status: tuple[str, int] | None, action: Action) -> None:
    labels = {STATUS_LABEL: wanted, POLICY_LABEL: policy, **more}
    task = TaskStatus(pid=1, name=status[0], exit_status=status[1]) if status else None
    assert action_for(labels, task) is action


@pytest.mark.parametrize("policy", ["sometimes", "always:3", "on-failure:", "on-failure:x", "on-failure:1_0", "ALWAYS"])
def test_a_policy_that_is_none_is_one_clear_sentence(policy: str) -> None:
    with pytest.raises(InvalidArgument, match="restart policy"):
        action_for({STATUS_LABEL: "running", POLICY_LABEL: policy}, None)


def test_a_count_that_is_none_is_refused_where_it_counts() -> None:
    labels = {STATUS_LABEL: "running", POLICY_LABEL: "on-failure:3", COUNT_LABEL: "many"}
    with pytest.raises(InvalidArgument, match=r"restart\.count"):
        action_for(labels, TaskStatus(pid=1, name="stopped", exit_status=1))


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("", ""),
        ("binary:///usr/bin/logger?-t=x", "/usr/bin/logger"),
        ("file:///var/log/c.log", "/var/log/c.log"),
        ("fifo:///run/f", "/run/f"),
        ("/run/f", "/run/f"),
    ],
)
def test_a_log_address_names_a_path(uri: str, path: str) -> None:
    assert check_log_uri(uri) == path


@pytest.mark.parametrize(
    "uri",
    [
        *("http://x/y", "binary://", "binary://bin/sh", "file://etc/passwd", "file:///a/../../etc/passwd", "relative"),
        *("binary:///bin/a\nb", "npipe:///x", "binary:/bin/sh", "file:///a\0b"),
    ],
)
def test_any_other_log_address_is_refused(uri: str) -> None:
    with pytest.raises(InvalidArgument, match="loguri"):
        check_log_uri(uri)
