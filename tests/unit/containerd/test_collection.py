"""Which objects a collection takes: by hand, and against a slow definition on random graphs."""

from hypothesis import given
from hypothesis import strategies as st

from slipway.containerd.collection.mark import has_expired, references, unreachable
from slipway.containerd.collection.model import Graph, Node


def node(key: str, kind: str = "content") -> Node:
    return Node(kind, "default", key)


def graph(edges: dict[str, str], roots: str, flat: str = "") -> Graph:
    return Graph(
        nodes={node(key): frozenset(map(node, kept)) for key, kept in edges.items()},
        roots=frozenset(map(node, roots)),
        flat=frozenset(map(node, flat)),
    )


def test_what_a_root_reaches_stays_and_the_rest_goes() -> None:
    found = unreachable(graph({"a": "b", "b": "c", "c": "", "d": "c", "e": "e"}, roots="a"))
    assert found == {node("d"), node("e")}


def test_a_flat_lease_keeps_only_what_it_names() -> None:
    assert unreachable(graph({"a": "b", "b": ""}, roots="", flat="a")) == {node("b")}


def test_a_flat_object_that_a_root_reaches_too_keeps_what_it_refers_to() -> None:
    assert not unreachable(graph({"r": "a", "a": "b", "b": ""}, roots="r", flat="a"))


def test_a_reference_to_what_is_not_there_harms_nothing() -> None:
    assert not unreachable(graph({"a": "x"}, roots="ay"))


NAMES = "abcdefgh"


@given(st.dictionaries(st.sampled_from(NAMES), st.text(NAMES, max_size=4)), st.text(NAMES, max_size=3))
def test_agrees_with_the_definition(edges: dict[str, str], roots: str) -> None:
    reached = set(roots)
    for _ in NAMES:
        reached |= {kept for key in reached for kept in edges.get(key, "")}
    assert unreachable(graph(edges, roots)) == {node(key) for key in edges if key not in reached}


def test_labels_refer_to_content_and_snapshots() -> None:
    labels = {
        "containerd.io/gc.ref.content": "sha256:a",
        "containerd.io/gc.ref.content.m.0": "sha256:b",
        "containerd.io/gc.ref.content/config": "sha256:c",
        "containerd.io/gc.ref.contents": "not one",
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
    }


def test_expiry() -> None:
    labels = {"containerd.io/gc.expire": "1970-01-01T00:00:10Z"}
    assert has_expired(labels, 10_000_000_000)
    assert not has_expired(labels, 9_999_999_999)
    assert not has_expired({"containerd.io/gc.expire": "tomorrow"}, 1 << 62)
    assert not has_expired({}, 1 << 62)
