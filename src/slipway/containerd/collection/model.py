"""The graph of what keeps what."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

CONTENT = "content"
IMAGES = "images"
SNAPSHOTS = "snapshots/"


class Node(NamedTuple):
    """One object that can be collected. `kind` is "content", "images" or "snapshots/NAME"; `key` a digest, a name, or a
    snapshot's key."""

    kind: str
    namespace: str
    key: str


class Kept(NamedTuple):
    """What an object keeps: by its nature (a snapshot's parent, an image's target), and by its labels."""

    own: frozenset[Node] = frozenset()
    labelled: frozenset[Node] = frozenset()


@dataclass(frozen=True, slots=True)
class Graph:
    """`nodes` are all objects with what each of them keeps; `roots` what something outside keeps. From `flat` roots
    labels lead nowhere."""

    nodes: Mapping[Node, Kept] = field(default_factory=dict)
    roots: frozenset[Node] = frozenset()
    flat: frozenset[Node] = frozenset()
