"""What a process may become, and what is refused."""

import pytest

from slipway.base.errors import FailedPrecondition
from slipway.contracts.shim_api.messages import CREATED, PAUSED, PAUSING, RUNNING, STOPPED, UNKNOWN
from slipway.shim.lifecycle import DELETED, can_exec, next_status

STATUSES = (UNKNOWN, CREATED, RUNNING, STOPPED, PAUSED, PAUSING, DELETED)
ACTIONS = ("start", "pause", "resume", "exit", "delete")
INIT = {
    ("start", CREATED): RUNNING,
    ("pause", RUNNING): PAUSED,
    ("resume", PAUSED): RUNNING,
    ("exit", CREATED): STOPPED,
    ("exit", RUNNING): STOPPED,
    ("exit", PAUSED): STOPPED,
    ("delete", CREATED): DELETED,
    ("delete", STOPPED): DELETED,
}


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("action", ACTIONS)
def test_every_pair_of_an_init(action, status):
    if (action, status) in INIT:
        assert next_status(action, status, is_init=True) == INIT[action, status]
    else:
        with pytest.raises(FailedPrecondition, match=f"cannot {action} (a|task)"):
            next_status(action, status, is_init=True)


@pytest.mark.parametrize(
    ("action", "status", "said"),
    [
        ("pause", CREATED, "cannot pause task in created state"),
        ("resume", CREATED, "cannot resume task in created state"),
        ("checkpoint", CREATED, "cannot checkpoint a task in created state"),
        ("pause", PAUSED, "cannot pause a paused container"),
        ("resume", RUNNING, "cannot resume a running process"),
        ("resume", STOPPED, "cannot resume a stopped container"),
        ("checkpoint", STOPPED, "cannot checkpoint a stopped container"),
        ("start", RUNNING, "cannot start a running process"),
        ("delete", PAUSED, "cannot delete a paused process"),
        ("start", STOPPED, "cannot start a stopped process"),
        ("pause", DELETED, "cannot pause a deleted process"),
    ],
)
def test_a_refusal_has_the_original_s_words(action, status, said):
    with pytest.raises(FailedPrecondition) as refused:
        next_status(action, status, is_init=True)
    assert refused.value.message == said


@pytest.mark.parametrize(("action", "status"), [("pause", RUNNING), ("resume", PAUSED), ("start", RUNNING)])
def test_an_exec_is_not_paused_or_started_again(action, status):
    with pytest.raises(FailedPrecondition):
        next_status(action, status, is_init=False)


def test_execs_need_a_container_that_is_neither_paused_nor_over():
    assert [can_exec(status) for status in (CREATED, RUNNING, PAUSED, STOPPED)] == [True, True, False, False]
