"""Which objects go: a pure function of the graph, and what labels say of it.

Source: containerd docs/garbage-collection.md and core/metadata/gc.go for the labels' meaning.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from slipway.base.errors import InvalidArgument
from slipway.base.timestamp_parsing import nanoseconds_from_rfc3339
from slipway.containerd.collection.model import CONTENT, IMAGES, SNAPSHOTS, Graph, Kept, Node
from slipway.contracts.containerd_api.labels import EXPIRE_LABEL

ROOT_LABEL: Final = "containerd.io/gc.root"
FLAT_LABEL: Final = "containerd.io/gc.flat"
_CONTENT_REFERENCE: Final = "containerd.io/gc.ref.content"
_IMAGE_REFERENCE: Final = "containerd.io/gc.ref.image"
_SNAPSHOT_REFERENCE: Final = "containerd.io/gc.ref.snapshot."
_NOTHING: Final = Kept()


def unreachable(graph: Graph) -> frozenset[Node]:
    """The objects that no root reaches. From flat roots on, what labels name is not reached."""
    flat = _reached(graph, graph.flat, labels=False)
    return frozenset(graph.nodes) - _reached(graph, graph.roots, labels=True) - flat


def _reached(graph: Graph, roots: frozenset[Node], *, labels: bool) -> set[Node]:
    seen: set[Node] = set()
    waiting = list(roots)
    while waiting:
        node = waiting.pop()
        if node not in seen:
            seen.add(node)
            kept = graph.nodes.get(node, _NOTHING)
            waiting.extend(kept.own | kept.labelled if labels else kept.own)
    return seen


def references(namespace: str, labels: Mapping[str, str]) -> Iterator[Node]:
    """What an object keeps by its labels `containerd.io/gc.ref.{content,image}[.ANY|/ANY]`, `..snapshot.NAME[/ANY]`."""
    for label, value in labels.items():
        if label.startswith(_SNAPSHOT_REFERENCE):
            snapshotter = label.removeprefix(_SNAPSHOT_REFERENCE).partition("/")[0]
            yield Node(f"{SNAPSHOTS}{snapshotter}", namespace, value)
            continue
        for kind, reference in ((CONTENT, _CONTENT_REFERENCE), (IMAGES, _IMAGE_REFERENCE)):
            if label == reference or label.startswith((f"{reference}.", f"{reference}/")):
                yield Node(kind, namespace, value)


def has_expired(labels: Mapping[str, str], now: int) -> bool:
    """Whether the label that gives an end lies in the past; an unreadable one is no end."""
    text = labels.get(EXPIRE_LABEL)
    if not text:
        return False
    try:
        return nanoseconds_from_rfc3339(text) <= now
    except InvalidArgument:
        return False
