"""Sandboxes as records: stored, changed by masks, filtered; and what their labels keep from collection."""

from dataclasses import replace

import pytest

from slipway.base.errors import AlreadyExists, InvalidArgument, NotFound
from slipway.containerd.collection.model import Node
from slipway.containerd.collection.rows import read_graph
from slipway.containerd.containers.model import TypedValue
from slipway.containerd.metadata.model import Scope
from slipway.containerd.sandboxes.model import Sandbox
from slipway.containerd.sandboxes.store import SandboxStore
from slipway.database.sqlite import SqliteDatabase
from tests.unit.containerd.conftest import SteppingClock

BOX = Sandbox(
    id="box",
    runtime_name="io.containerd.runc.v2",
    runtime_options=TypedValue("o", b"\x00\xff"),
    spec=TypedValue("s", b"{}"),
    sandboxer="shim",
    labels={"a": "1", "b": "2"},
    extensions={"x": TypedValue("t", b"v")},
)


@pytest.fixture
def store(database: SqliteDatabase, clock: SteppingClock) -> SandboxStore:
    return SandboxStore(database, clock)


def test_what_is_stored_comes_back_whole(store: SandboxStore, scope: Scope) -> None:
    created = store.create(scope, BOX)
    assert created == replace(BOX, created_at=created.created_at, updated_at=created.created_at)
    assert store.get(scope, "box") == created
    assert store.list(scope) == [created]
    assert store.list(Scope("other")) == []
    with pytest.raises(AlreadyExists):
        store.create(scope, BOX)
    store.create(Scope("other"), BOX)
    store.delete(scope, "box")
    for act in (store.get, store.delete):
        with pytest.raises(NotFound):
            act(scope, "box")


def test_filters_know_id_and_labels(store: SandboxStore, scope: Scope) -> None:
    store.create(scope, BOX)
    store.create(scope, Sandbox(id="other"))

    def ids(*filters: str) -> list[str]:
        return [sandbox.id for sandbox in store.list(scope, filters)]

    assert ids("id==box") == ids("labels.a==1") == ids('labels."b"') == ["box"]
    assert ids("id==box", "id==other") == ["box", "other"]
    assert ids("runtime.name") == []


@pytest.mark.parametrize(
    ("masks", "changed"),
    [
        ((), {"labels": {"c": "3"}, "extensions": {}, "spec": TypedValue(), "runtime_options": TypedValue()}),
        (("labels",), {"labels": {"c": "3"}}),
        (("labels.c", "labels.a"), {"labels": {"b": "2", "c": "3"}}),
        (("extensions",), {"extensions": {}}),
        (("extensions.x",), {"extensions": {}}),
        (("spec",), {"spec": TypedValue()}),
        (("runtime",), {"runtime_options": TypedValue()}),
    ],
)
def test_an_update_changes_what_its_mask_names(
    store: SandboxStore, scope: Scope, masks: tuple[str, ...], changed: dict[str, object]
) -> None:
    created = store.create(scope, BOX)
    given = Sandbox(id="box", runtime_name=BOX.runtime_name, labels={"c": "3"})
    updated = store.update(scope, given, masks)
    assert updated == replace(created, updated_at=updated.updated_at, **changed)  # type: ignore[arg-type]
    assert updated.updated_at > created.updated_at
    assert store.get(scope, "box") == updated


@pytest.mark.parametrize("masks", [("sandboxer",), ("created_at",), ("label",), ("runtime.name",)])
def test_other_fields_cannot_be_updated(store: SandboxStore, scope: Scope, masks: tuple[str, ...]) -> None:
    store.create(scope, BOX)
    with pytest.raises(InvalidArgument, match="cannot be updated"):
        store.update(scope, BOX, masks)
    with pytest.raises(InvalidArgument, match="cannot be changed"):
        store.update(scope, replace(BOX, runtime_name="another"))
    with pytest.raises(NotFound):
        store.update(scope, Sandbox(id="none"))
    with pytest.raises(InvalidArgument):
        store.update(scope, replace(BOX, labels={"k": "x" * 5000}))


def test_a_sandbox_keeps_what_its_labels_refer_to(store: SandboxStore, database: SqliteDatabase, scope: Scope) -> None:
    digest = "sha256:" + "0" * 64
    store.create(scope, replace(BOX, labels={"containerd.io/gc.ref.content": digest}))
    graph = database.read(lambda connection: read_graph(connection, {}, 0))
    assert Node("content", "default", digest) in graph.roots
