"""Which objects a collection takes: by hand, and against a slow definition on random graphs."""

from hypothesis import given
from hypothesis import strategies as st

from slipway.containerd.collection.mark import has_expired, references, unreachable
from slipway.containerd.collection.model import Graph, Kept, Node
from slipway.containerd.collection.rows import delete_rows, read_graph
from slipway.containerd.images.model import Image
from slipway.containerd.images.store import SqlImageStore
from slipway.containerd.leases.model import Lease
from slipway.containerd.leases.store import LeaseStore
from slipway.containerd.metadata.model import Scope
from slipway.contracts.containerd_api.labels import EXPIRE_LABEL
from slipway.contracts.containerd_api.types import Descriptor
from slipway.database.sqlite import SqliteDatabase
from tests.unit.containerd.conftest import RecordedEvents, SteppingClock


def node(key: str, kind: str = "content") -> Node:
    return Node(kind, "default", key)


def graph(edges: dict[str, str], roots: str, flat: str = "", own: dict[str, str] | None = None) -> Graph:
    """`edges` by labels, `own` by nature."""
    by_nature = own or {}
    return Graph(
        nodes={
            node(key): Kept(frozenset(map(node, by_nature.get(key, ""))), frozenset(map(node, kept)))
            for key, kept in edges.items()
        },
        roots=frozenset(map(node, roots)),
        flat=frozenset(map(node, flat)),
    )


def test_what_a_root_reaches_stays_and_the_rest_goes() -> None:
    found = unreachable(graph({"a": "b", "b": "c", "c": "", "d": "c", "e": "e"}, roots="a"))
    assert found == {node("d"), node("e")}


def test_a_flat_lease_keeps_only_what_it_names() -> None:
    assert unreachable(graph({"a": "b", "b": ""}, roots="", flat="a")) == {node("b")}


def test_a_flat_lease_keeps_the_parents_of_a_snapshot_too() -> None:
    """The parents were chosen, and stayed only because their snapshotter refused; what they refer to goes."""
    edges = {"a": "x", "b": "y", "c": "", "x": "", "y": ""}
    assert unreachable(graph(edges, roots="", flat="a", own={"a": "b", "b": "c"})) == {node("x"), node("y")}


def test_a_flat_object_that_a_root_reaches_too_keeps_what_it_refers_to() -> None:
    assert not unreachable(graph({"r": "a", "a": "b", "b": ""}, roots="r", flat="a"))


def test_a_reference_to_what_is_not_there_harms_nothing() -> None:
    assert not unreachable(graph({"a": "x"}, roots="ay"))


NAMES = "abcdefgh"


EDGES = st.dictionaries(st.sampled_from(NAMES), st.text(NAMES, max_size=4))


@given(EDGES, EDGES, st.text(NAMES, max_size=3), st.text(NAMES, max_size=3))
def test_agrees_with_the_definition(edges: dict[str, str], own: dict[str, str], roots: str, flat: str) -> None:
    """As sets that grow until they do not: what roots reach by all ways, and flat ones by nature alone."""
    own = {key: kept for key, kept in own.items() if key in edges}
    reached, reached_flat = set(roots), set(flat)
    for _ in NAMES:
        reached |= {kept for key in reached for kept in edges.get(key, "") + own.get(key, "")}
        reached_flat |= {kept for key in reached_flat for kept in own.get(key, "")}
    expected = {node(key) for key in edges if key not in reached | reached_flat}
    assert unreachable(graph(edges, roots, flat, own)) == expected


def test_labels_refer_to_content_and_snapshots() -> None:
    labels = {
        "containerd.io/gc.ref.content": "sha256:a",
        "containerd.io/gc.ref.content.m.0": "sha256:b",
        "containerd.io/gc.ref.content/config": "sha256:c",
        "containerd.io/gc.ref.contents": "not one",
        "containerd.io/gc.ref.image": "an image",
        "containerd.io/gc.ref.image.x": "another",
        "containerd.io/gc.ref.images": "none",
        "containerd.io/gc.ref.snapshot.overlayfs": "sha256:d",
        "containerd.io/gc.ref.snapshot.native/x": "e",
        "other": "f",
    }
    assert set(references("ns", labels)) == {
        Node("content", "ns", "sha256:a"),
        Node("content", "ns", "sha256:b"),
        Node("content", "ns", "sha256:c"),
        Node("snapshots/overlayfs", "ns", "sha256:d"),
        Node("snapshots/native", "ns", "e"),
        Node("images", "ns", "an image"),
        Node("images", "ns", "another"),
    }


def test_expiry() -> None:
    labels = {"containerd.io/gc.expire": "1970-01-01T00:00:10Z"}
    assert has_expired(labels, 10_000_000_000)
    assert not has_expired(labels, 9_999_999_999)
    assert not has_expired({"containerd.io/gc.expire": "tomorrow"}, 1 << 62)
    assert not has_expired({}, 1 << 62)


def test_an_image_that_has_expired_goes_unless_a_lease_holds_it(
    database: SqliteDatabase, leases: LeaseStore, events: RecordedEvents, clock: SteppingClock, scope: Scope
) -> None:
    images = SqlImageStore(database, leases, events, clock)
    leases.create(scope, Lease(id="l"))
    past = {EXPIRE_LABEL: "1970-01-01T00:00:00Z"}
    target = Descriptor(media_type="m", digest=f"sha256:{'1' * 64}", size=1)
    for name, labels, lease in (("stays", {}, ""), ("goes", past, ""), ("is held", past, "l")):
        images.create(Scope(scope.namespace, lease), Image(name=name, target=target, labels=labels))
    now = clock.now()
    chosen = database.read(lambda connection: unreachable(read_graph(connection, {}, now)))
    assert chosen == {Node("images", scope.namespace, "goes")}
    database.write(lambda connection: delete_rows(connection, chosen))
    assert [image.name for image in images.list(scope)] == ["is held", "stays"]
