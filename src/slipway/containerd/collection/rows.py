"""The graph, read from the rows. Runs inside the caller's transaction."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence

from slipway.containerd.collection.mark import FLAT_LABEL, ROOT_LABEL, has_expired, references
from slipway.containerd.collection.model import Graph, Node
from slipway.containerd.snapshots.model import SnapshotInfo
from slipway.contracts.containerd_api.labels import labels_from_text

Snapshots = Mapping[tuple[str, str], Sequence[SnapshotInfo]]
"""The snapshots by namespace and snapshotter's name."""


def read_graph(connection: sqlite3.Connection, snapshots: Snapshots, now: int) -> Graph:
    """Everything that can be collected, and what keeps it at the time `now`. Expired leases and images keep nothing."""
    nodes: dict[Node, frozenset[Node]] = {}
    roots: set[Node] = set()
    for node, kept, is_root in (*_content(connection), *_snapshots(snapshots)):
        nodes[node] = kept
        if is_root:
            roots.add(node)
    roots.update(_kept_by_images(connection, now))
    roots.update(_kept_by_containers(connection))
    flat: set[Node] = set()
    for node, is_flat in _kept_by_leases(connection, now):
        (flat if is_flat else roots).add(node)
    return Graph(nodes=nodes, roots=frozenset(roots), flat=frozenset(flat))


def delete_content(connection: sqlite3.Connection, nodes: frozenset[Node]) -> None:
    connection.executemany(
        "DELETE FROM content WHERE namespace = ? AND digest = ?",
        [(node.namespace, node.key) for node in nodes if node.kind == "content"],
    )


def delete_expired_leases(connection: sqlite3.Connection, now: int) -> None:
    for row in connection.execute("SELECT * FROM leases").fetchall():
        if has_expired(labels_from_text(row["labels"]), now):
            connection.execute("DELETE FROM leases WHERE namespace = ? AND id = ?", (row["namespace"], row["id"]))


def _content(connection: sqlite3.Connection) -> Iterator[tuple[Node, frozenset[Node], bool]]:
    for row in connection.execute("SELECT namespace, digest, labels FROM content"):
        labels = labels_from_text(row["labels"])
        node = Node("content", row["namespace"], row["digest"])
        yield node, frozenset(references(row["namespace"], labels)), ROOT_LABEL in labels


def _snapshots(snapshots: Snapshots) -> Iterator[tuple[Node, frozenset[Node], bool]]:
    for (namespace, snapshotter), infos in snapshots.items():
        kind = f"snapshots/{snapshotter}"
        for info in infos:
            kept = set(references(namespace, info.labels))
            if info.parent:
                kept.add(Node(kind, namespace, info.parent))
            yield Node(kind, namespace, info.name), frozenset(kept), ROOT_LABEL in info.labels


def _kept_by_images(connection: sqlite3.Connection, now: int) -> Iterator[Node]:
    for row in connection.execute("SELECT namespace, digest, labels FROM images"):
        labels = labels_from_text(row["labels"])
        if not has_expired(labels, now):
            yield Node("content", row["namespace"], row["digest"])
            yield from references(row["namespace"], labels)


def _kept_by_containers(connection: sqlite3.Connection) -> Iterator[Node]:
    for row in connection.execute("SELECT namespace, snapshotter, snapshot_key, labels FROM containers"):
        if row["snapshot_key"]:
            yield Node(f"snapshots/{row['snapshotter']}", row["namespace"], row["snapshot_key"])
        yield from references(row["namespace"], labels_from_text(row["labels"]))


def _kept_by_leases(connection: sqlite3.Connection, now: int) -> Iterator[tuple[Node, bool]]:
    """What leases hold, and whether a lease holds that alone and not what it keeps."""
    query = (
        "SELECT r.namespace, r.kind, r.id, l.labels FROM lease_resources r"
        " JOIN leases l ON l.namespace = r.namespace AND l.id = r.lease"
    )
    for row in connection.execute(query):
        labels = labels_from_text(row["labels"])
        if not has_expired(labels, now):
            yield Node(row["kind"], row["namespace"], row["id"]), FLAT_LABEL in labels
