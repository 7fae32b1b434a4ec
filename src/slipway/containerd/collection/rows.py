"""The graph, read from the rows, and the rows that go. Runs inside the caller's transaction."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping

from slipway.containerd.collection.mark import FLAT_LABEL, ROOT_LABEL, has_expired, references
from slipway.containerd.collection.model import CONTENT, IMAGES, SNAPSHOTS, Graph, Kept, Node
from slipway.containerd.snapshots.model import SnapshotInfo
from slipway.contracts.containerd_api.labels import labels_from_text

Snapshots = Mapping[tuple[str, str], Iterable[SnapshotInfo]]
"""The snapshots by namespace and snapshotter's name."""


def read_graph(connection: sqlite3.Connection, snapshots: Snapshots, now: int) -> Graph:
    """Everything that can be collected, and what keeps it at the time `now`. Expired leases and images keep nothing."""
    nodes: dict[Node, Kept] = {}
    roots: set[Node] = set()
    for node, kept, is_root in (*_content(connection), *_snapshots(snapshots), *_images(connection, now)):
        nodes[node] = kept
        if is_root:
            roots.add(node)
    roots.update(_kept_by_containers(connection))
    roots.update(_kept_by_sandboxes(connection))
    flat: set[Node] = set()
    for node, is_flat in _kept_by_leases(connection, now):
        (flat if is_flat else roots).add(node)
    return Graph(nodes=nodes, roots=frozenset(roots), flat=frozenset(flat))


def namespaces(connection: sqlite3.Connection) -> list[str]:
    return [row["name"] for row in connection.execute("SELECT name FROM namespaces")]


def delete_rows(connection: sqlite3.Connection, nodes: Iterable[Node]) -> None:
    """Of content, and of images that have expired."""
    nodes = list(nodes)
    for table, column in ((CONTENT, "digest"), (IMAGES, "name")):
        connection.executemany(
            f"DELETE FROM {table} WHERE namespace = ? AND {column} = ?",
            [(node.namespace, node.key) for node in nodes if node.kind == table],
        )


def delete_expired_leases(connection: sqlite3.Connection, now: int) -> None:
    for row in connection.execute("SELECT * FROM leases").fetchall():
        if has_expired(labels_from_text(row["labels"]), now):
            connection.execute("DELETE FROM leases WHERE namespace = ? AND id = ?", (row["namespace"], row["id"]))


def leased_ingests(connection: sqlite3.Connection) -> set[tuple[str, str]]:
    """Namespace and ref of what leases hold."""
    rows = connection.execute("SELECT namespace, id FROM lease_resources WHERE kind = 'ingests'")
    return {(row["namespace"], row["id"]) for row in rows}


def _content(connection: sqlite3.Connection) -> Iterator[tuple[Node, Kept, bool]]:
    for row in connection.execute("SELECT namespace, digest, labels FROM content"):
        labels = labels_from_text(row["labels"])
        node = Node(CONTENT, row["namespace"], row["digest"])
        yield node, Kept(labelled=frozenset(references(row["namespace"], labels))), ROOT_LABEL in labels


def _snapshots(snapshots: Snapshots) -> Iterator[tuple[Node, Kept, bool]]:
    for (namespace, snapshotter), infos in snapshots.items():
        kind = f"{SNAPSHOTS}{snapshotter}"
        for info in infos:
            parent = frozenset([Node(kind, namespace, info.parent)] if info.parent else [])
            kept = Kept(own=parent, labelled=frozenset(references(namespace, info.labels)))
            yield Node(kind, namespace, info.name), kept, ROOT_LABEL in info.labels


def _images(connection: sqlite3.Connection, now: int) -> Iterator[tuple[Node, Kept, bool]]:
    """An image is a root until it expires."""
    for row in connection.execute("SELECT namespace, name, digest, labels FROM images"):
        labels = labels_from_text(row["labels"])
        target = Node(CONTENT, row["namespace"], row["digest"])
        kept = Kept(own=frozenset((target,)), labelled=frozenset(references(row["namespace"], labels)))
        yield Node(IMAGES, row["namespace"], row["name"]), kept, not has_expired(labels, now)


def _kept_by_containers(connection: sqlite3.Connection) -> Iterator[Node]:
    for row in connection.execute("SELECT namespace, snapshotter, snapshot_key, labels FROM containers"):
        if row["snapshot_key"]:
            yield Node(f"{SNAPSHOTS}{row['snapshotter']}", row["namespace"], row["snapshot_key"])
        yield from references(row["namespace"], labels_from_text(row["labels"]))


def _kept_by_sandboxes(connection: sqlite3.Connection) -> Iterator[Node]:
    for row in connection.execute("SELECT namespace, labels FROM sandboxes"):
        yield from references(row["namespace"], labels_from_text(row["labels"]))


def _kept_by_leases(connection: sqlite3.Connection, now: int) -> Iterator[tuple[Node, bool]]:
    """What leases hold, and whether a lease holds that alone and not what its labels keep."""
    query = (
        "SELECT r.namespace, r.kind, r.id, l.labels FROM lease_resources r"
        " JOIN leases l ON l.namespace = r.namespace AND l.id = r.lease"
    )
    for row in connection.execute(query):
        labels = labels_from_text(row["labels"])
        if not has_expired(labels, now):
            yield Node(row["kind"], row["namespace"], row["id"]), FLAT_LABEL in labels
