"""The lifecycle table, ids, and what is written to disk."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.base.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound
from slipway.runc.state import lifecycle
from slipway.runc.state.model import ContainerState
from slipway.runc.state.store import StateStore, check_container_id

STATUSES = (lifecycle.CREATING, lifecycle.CREATED, lifecycle.RUNNING, lifecycle.PAUSED, lifecycle.STOPPED)


@pytest.mark.parametrize("verb", sorted(lifecycle.ALLOWED))
@pytest.mark.parametrize("status", STATUSES)
def test_every_verb_is_allowed_or_refused_with_a_sentence(verb: str, status: str) -> None:
    if status in lifecycle.ALLOWED[verb]:
        lifecycle.check(verb, "c1", status)
    else:
        with pytest.raises(FailedPrecondition) as caught:
            lifecycle.check(verb, "c1", status)
        assert "{" not in str(caught.value)


@pytest.mark.parametrize(
    ("verb", "status", "words"),
    [
        ("kill", lifecycle.STOPPED, "container not running"),  # containerd's shim looks for these very words
        ("delete", lifecycle.RUNNING, "cannot delete container c1 that is not stopped: running"),
        ("start", lifecycle.RUNNING, "cannot start an already running container"),
    ],
)
def test_refusals_use_the_words_of_the_original(verb: str, status: str, words: str) -> None:
    with pytest.raises(FailedPrecondition, match=words):
        lifecycle.check(verb, "c1", status)


@given(st.text())
def test_an_accepted_id_is_one_safe_file_name(text: str) -> None:
    try:
        check_container_id(text)
    except InvalidArgument:
        return
    assert text
    assert "/" not in text
    assert text not in (".", "..")


def test_a_state_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    store = StateStore(str(tmp_path / "root"))
    store.reserve("c1")
    state = ContainerState("c1", "/bundle", "/bundle/rootfs", "2026-11-24T00:00:00Z")
    state.pid, state.start = 7, 99
    state.groups = {"": "/sys/fs/cgroup/x"}
    state.annotations = {"a": "ü"}
    state.poststop_hooks = [{"path": "/bin/true"}]
    store.save(state)
    again = store.load("c1")
    for name in ContainerState.__slots__:
        assert getattr(again, name) == getattr(state, name)


def test_an_id_is_taken_once(tmp_path: Path) -> None:
    store = StateStore(str(tmp_path))
    store.reserve("c1")
    with pytest.raises(AlreadyExists, match="container with given ID already exists"):
        store.reserve("c1")
    store.remove("c1")
    store.remove("c1")
    with pytest.raises(NotFound, match="container does not exist"):
        store.load("c1")


def test_a_folder_without_state_is_no_container(tmp_path: Path) -> None:
    store = StateStore(str(tmp_path))
    store.reserve("c1")
    with pytest.raises(NotFound):
        store.load("c1")
    assert store.containers() == ["c1"]
