"""A snapshotter of another process, over its socket: names, labels, layers that it has, and what is left behind."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from slipway.base.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound, Unavailable
from slipway.clients.snapshotter.client import SnapshotterClient
from slipway.containerd.configuration.model import Settings
from slipway.containerd.leases.model import Lease
from slipway.containerd.leases.store import LeaseStore
from slipway.containerd.metadata.model import Scope
from slipway.containerd.snapshots.model import REFERENCE_LABEL, SnapshotInfo, SnapshotKind
from slipway.containerd.snapshots.proxy import ProxySnapshotter
from slipway.containerd.snapshots.proxy_settings import ProxySettings, proxies_from_settings
from slipway.contracts.containerd_api.types import Platform
from slipway.database.sqlite import SqliteDatabase
from slipway.service.configuration import settings_from_table
from tests.support.snapshotter_plugin import REMOTE_LABEL, LoopThread, Plugin, served_here
from tests.unit.containerd.conftest import SteppingClock

SCOPE = Scope("tests", "held")
CHAIN = "sha256:" + "a" * 64
REFERENCE = {REFERENCE_LABEL: CHAIN}


@pytest.fixture
def plugin(tmp_path: Path) -> Plugin:
    layer = tmp_path / "layer.tar"
    layer.write_bytes(bytes(10240))
    return Plugin(tmp_path / "p", "far", "native", {CHAIN: str(layer)})


@pytest.fixture
def backend(plugin: Plugin) -> Iterator[SnapshotterClient]:
    with served_here(plugin) as client:
        yield client


@pytest.fixture
def proxy(
    backend: SnapshotterClient, database: SqliteDatabase, leases: LeaseStore, clock: SteppingClock
) -> Iterator[ProxySnapshotter]:
    leases.create(SCOPE, Lease(id="held"))
    made = ProxySnapshotter(backend, database, leases, clock)
    yield made
    made.threads.shutdown()  # type: ignore[union-attr]


def names(backend: SnapshotterClient) -> list[str]:
    return sorted(backend.list("any"))


def recorded(proxy: ProxySnapshotter, scope: Scope) -> list[SnapshotInfo]:
    """What is known here, without asking the backend."""
    return proxy._database.read(lambda connection: proxy.infos(connection, scope.namespace))


def test_the_backend_has_names_of_ours_and_the_labels_that_are_for_it(
    proxy: ProxySnapshotter, backend: SnapshotterClient, plugin: Plugin
) -> None:
    proxy.prepare(SCOPE, "a", labels={"containerd.io/gc.root": "x", "containerd.io/snapshot/x": "1", "own": "y"})
    assert names(backend) == ["tests/1/a"]
    assert plugin.told()[0]["labels"] == {"containerd.io/snapshot/x": "1"}
    proxy.commit(SCOPE, "base", "a", {"own": "z"})
    proxy.view(SCOPE, "v", "base")
    assert names(backend) == ["tests/2/base", "tests/3/v"]
    assert backend.stat("tests", "tests/3/v").parent == "tests/2/base"
    assert (proxy.stat(SCOPE, "base").labels, proxy.stat(SCOPE, "v").parent) == ({"own": "z"}, "base")


def test_a_layer_that_it_has_becomes_a_snapshot_of_ours(
    proxy: ProxySnapshotter, backend: SnapshotterClient, leases: LeaseStore
) -> None:
    with pytest.raises(AlreadyExists):
        proxy.prepare(SCOPE, "extract-1", labels={**REFERENCE, "own": "1"})
    found = proxy.stat(SCOPE, CHAIN)
    assert (found.kind, found.parent) == (SnapshotKind.COMMITTED, "")
    assert found.labels == {**REFERENCE, "own": "1", REMOTE_LABEL: "yes"}
    assert f"snapshots/far {CHAIN}" in [f"{held.kind} {held.id}" for held in leases.resources(SCOPE, "held")]
    with pytest.raises(NotFound):
        proxy.stat(SCOPE, "extract-1")
    proxy.prepare(SCOPE, "on it", CHAIN)
    with pytest.raises(AlreadyExists):
        proxy.prepare(SCOPE, "extract-2", labels=REFERENCE)
    assert len(names(backend)) == 2


def test_what_it_says_it_has_but_does_not_list_is_not_found(
    proxy: ProxySnapshotter, backend: SnapshotterClient
) -> None:
    backend.prepare("tests", "tests/1/a", "", {})  # a name that is ours is taken there
    with pytest.raises(NotFound, match="does not list it"):
        proxy.prepare(SCOPE, "a", labels={REFERENCE_LABEL: "sha256:" + "b" * 64})
    assert proxy.list(SCOPE) == recorded(proxy, SCOPE) == []


def test_a_cleanup_removes_what_was_ours_children_first_and_nothing_else(
    proxy: ProxySnapshotter, backend: SnapshotterClient, plugin: Plugin
) -> None:
    backend.prepare("tests", "somebody's", "", {})
    proxy.prepare(SCOPE, "a")
    proxy.commit(SCOPE, "base", "a")
    proxy.prepare(SCOPE, "b", "base")
    with pytest.raises(FailedPrecondition):
        proxy.remove(SCOPE, "base")
    proxy.remove(SCOPE, "b")
    proxy.remove(SCOPE, "base")
    assert len(names(backend)) == 3
    proxy.cleanup()
    assert names(backend) == ["somebody's"]
    assert len(os.listdir(plugin.folder / "data/snapshots")) == 1


def test_what_two_namespaces_have_goes_with_the_last(proxy: ProxySnapshotter, backend: SnapshotterClient) -> None:
    """The backend has no namespaces: a name that it chose is the same for both of ours."""
    one, other = Scope("one"), Scope("other")
    for scope in (one, other):
        with pytest.raises(AlreadyExists):
            proxy.prepare(scope, "extract", labels=REFERENCE)
    proxy.remove(one, CHAIN)
    proxy.cleanup()
    assert names(backend) == [CHAIN]
    assert proxy.stat(other, CHAIN).kind is SnapshotKind.COMMITTED
    proxy.remove(other, CHAIN)
    proxy.cleanup()
    assert names(backend) == []


def test_what_the_backend_lost_is_not_listed_and_can_be_removed(
    proxy: ProxySnapshotter, backend: SnapshotterClient
) -> None:
    proxy.prepare(SCOPE, "a")
    backend.remove("tests", "tests/1/a")
    assert proxy.list(SCOPE) == []
    assert [info.name for info in recorded(proxy, SCOPE)] == ["a"]
    with pytest.raises(NotFound):
        proxy.stat(SCOPE, "a")
    proxy.remove(SCOPE, "a")
    proxy.cleanup()
    assert recorded(proxy, SCOPE) == []


def test_nobody_at_the_socket_is_one_sentence_and_leaves_nothing(
    plugin: Plugin, database: SqliteDatabase, leases: LeaseStore, clock: SteppingClock
) -> None:
    with LoopThread() as loop:
        client = SnapshotterClient("far", plugin.address, loop.loop)
        proxy = ProxySnapshotter(client, database, leases, clock)
        with pytest.raises(Unavailable) as refused:
            proxy.prepare(Scope("tests"), "a")
        assert str(refused.value).startswith(f"snapshotter far: connect to {plugin.address}: ")
        proxy.cleanup()  # what may have been made stays written down
        assert recorded(proxy, Scope("tests")) == []
        with served_here(plugin) as direct:
            direct.prepare("tests", "tests/1/a", "", {})  # as if the answer alone had been lost
            proxy.prepare(Scope("tests"), "a")
            proxy.cleanup()
            assert names(direct) == ["tests/2/a"]
        loop.loop.call_soon_threadsafe(client.close)
        proxy.threads.shutdown()  # type: ignore[union-attr]


def proxies_from_table(table: dict[str, object]) -> tuple[tuple[ProxySettings, ...], tuple[str, ...]]:
    """As a daemon has them, from the configuration file on."""
    settings = settings_from_table(Settings, {"proxy_plugins": table}, where="file")
    return proxies_from_settings(settings.proxy_plugins)


def test_settings() -> None:
    served, sentences = proxies_from_table(
        {
            "stargz": {
                "type": "snapshot",
                "address": "/run/stargz.sock",
                "platform": "linux/arm64/v8",
                "exports": {"root": "/x", "enable_remote_snapshot_annotations": "true"},
            },
            "plain": {"type": "io.containerd.snapshotter.v1", "address": "unix:///run/plain.sock"},
            "keeper": {"type": "content", "address": "/run/keeper.sock"},
        }
    )
    stargz, plain = served
    assert (stargz.name, stargz.address, stargz.wants_source) == ("stargz", "/run/stargz.sock", True)
    assert stargz.platform == Platform(os="linux", architecture="arm64")
    assert (plain.address, plain.wants_source, plain.platform) == ("/run/plain.sock", False, None)
    assert sentences == ("proxy_plugins.keeper: plugins of type 'content' are not served: only snapshotters are",)


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ({"a/b": {"type": "snapshot", "address": "/s"}}, "proxy_plugins: the name 'a/b' must match"),
        ({"a": "x"}, "file: proxy_plugins.a: expected a table, got 'x'"),
        ({"a": {"type": "snapshot", "adress": "/s"}}, "file: unknown key 'proxy_plugins.a.adress'"),
        ({"a": {"type": "snapshot"}}, "proxy_plugins.a: address is ''"),
        ({"a": {"type": "snapshot", "address": "tcp://x:1"}}, "proxy_plugins.a: address is 'tcp://x:1'"),
        ({"a": {"type": 1}}, "file: proxy_plugins.a.type: expected text, got 1"),
        ({"a": {"type": "snap"}}, "proxy_plugins.a: type is 'snap'"),
        ({"a": {"type": "snapshot", "address": "/s", "platform": "linux"}}, "proxy_plugins.a: platform is 'linux'"),
        (
            {"a": {"type": "snapshot", "address": "/s", "exports": {"x": 1}}},
            "file: proxy_plugins.a.exports.x: expected",
        ),
        (
            {"a": {"type": "snapshot", "address": "/s", "capabilities": 1}},
            "file: proxy_plugins.a.capabilities: expected",
        ),
    ],
)
def test_settings_that_no_daemon_could_use(table: dict[str, object], sentence: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        proxies_from_table(table)
    assert str(refused.value).startswith(sentence)
