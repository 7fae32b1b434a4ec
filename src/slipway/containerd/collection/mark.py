"""Which objects go: a pure function of the graph, and what labels say of it.

Source: containerd docs/garbage-collection.md and core/metadata/gc.go for the labels' meaning.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from slipway.base.errors import InvalidArgument
from slipway.base.timestamp_parsing import nanoseconds_from_rfc3339
from slipway.containerd.collection.model import Graph, Node

ROOT_LABEL: Final = "containerd.io/gc.root"
FLAT_LABEL: Final = "containerd.io/gc.flat"
EXPIRE_LABEL: Final = "containerd.io/gc.expire"
_CONTENT_REFERENCE: Final = "containerd.io/gc.ref.content"
_SNAPSHOT_REFERENCE: Final = "containerd.io/gc.ref.snapshot."


def unreachable(graph: Graph) -> frozenset[Node]:
    """The objects that no root reaches."""
    seen: set[Node] = set()
    waiting = list(graph.roots)
    while waiting:
        node = waiting.pop()
        if node not in seen:
            seen.add(node)
            waiting.extend(graph.nodes.get(node, ()))
    return frozenset(graph.nodes) - seen - graph.flat


def references(namespace: str, labels: Mapping[str, str]) -> Iterator[Node]:
    """What an object keeps by its labels: `containerd.io/gc.ref.content[.ANY|/ANY]` and `...snapshot.NAME[/ANY]`."""
    for label, value in labels.items():
        if label.startswith(_SNAPSHOT_REFERENCE):
            snapshotter = label.removeprefix(_SNAPSHOT_REFERENCE).partition("/")[0]
            yield Node(f"snapshots/{snapshotter}", namespace, value)
        elif label == _CONTENT_REFERENCE or label.startswith((f"{_CONTENT_REFERENCE}.", f"{_CONTENT_REFERENCE}/")):
            yield Node("content", namespace, value)


def has_expired(labels: Mapping[str, str], now: int) -> bool:
    """Whether the label that gives an end lies in the past; an unreadable one is no end."""
    text = labels.get(EXPIRE_LABEL)
    if not text:
        return False
    try:
        return nanoseconds_from_rfc3339(text) <= now
    except InvalidArgument:
        return False
