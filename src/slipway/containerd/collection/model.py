"""The graph of what keeps what."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


class Node(NamedTuple):
    """One object that can be collected. `kind` is "content" or "snapshots/NAME"; `key` a digest, or a snapshot's
    key."""

    kind: str
    namespace: str
    key: str


@dataclass(frozen=True, slots=True)
class Graph:
    """`nodes` are all objects with what each of them keeps; `roots` what something outside keeps; `flat` roots keep
    only
    themselves."""

    nodes: Mapping[Node, frozenset[Node]] = field(default_factory=dict)
    roots: frozenset[Node] = frozenset()
    flat: frozenset[Node] = frozenset()
