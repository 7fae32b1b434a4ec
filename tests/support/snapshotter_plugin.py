"""A snapshotter in a process of its own, for `[proxy_plugins]`: overlayfs, with layers that it has by itself.

As stargz and nydus do: asked for a snapshot of a layer that it has, it makes and commits it, and says that it exists.
"""

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from slipway.base.clock import Clock
from slipway.base.errors import AlreadyExists, NotFound
from slipway.clients.snapshotter.client import SnapshotterClient
from slipway.containerd.diff.targets import tree_from_mounts
from slipway.containerd.leases.store import LeaseStore
from slipway.containerd.services.scope import NAMESPACE_HEADER, scope_of
from slipway.containerd.services.snapshots import SnapshotsService
from slipway.containerd.snapshots.model import REFERENCE_LABEL
from slipway.containerd.snapshots.native import NativeLayout
from slipway.containerd.snapshots.overlay import OverlayLayout, has_index_option
from slipway.containerd.snapshots.snapshotter import FolderSnapshotter
from slipway.contracts.containerd_api.generated import snapshots_pb2
from slipway.contracts.containerd_api.status import status_from_error
from slipway.database.sqlite import SqliteDatabase
from slipway.service.claims import listen_unix
from slipway.transport.aio.grpc_server import Call, GrpcServer
from tests.support.paths import CHECKOUT
from tests.support.waiting import wait_until

REMOTE_LABEL = "containerd.io/snapshot/remote"  # as stargz marks what it serves


class NoLayers:
    """Nothing to make a snapshot of again."""

    def has(self, namespace: str, name: str, parent: str) -> bool:
        return False

    def fill(self, namespace: str, name: str, parent: str, mounts: object) -> None:
        raise NotFound(f"{name}: not found")


@dataclass
class Plugin:
    """A served snapshotter. `layers`: chain ids and the tars of what it has. Single-threaded use by tests."""

    folder: Path
    name: str
    layout: str = "overlayfs"
    layers: Mapping[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"{self.folder}/s.sock"

    async def serve(self) -> "Serving":
        self.folder.mkdir(parents=True, exist_ok=True)
        schema = resources.files("slipway.containerd.metadata").joinpath("schema.sql").read_text()
        database = SqliteDatabase(f"{self.folder}/meta.db", schema)
        clock = Clock()
        layout = NativeLayout() if self.layout == "native" else OverlayLayout(index=has_index_option())
        own = FolderSnapshotter(f"{self.folder}/data", layout, database, LeaseStore(database, clock), clock, NoLayers())
        own.name = self.name
        server = GrpcServer(status_from_error)
        service = _WithoutNamespaces(_Service(self, own))
        server.add(snapshots_pb2.DESCRIPTOR.services_by_name["Snapshots"], service)
        await server.start(listen_unix(self.address, mode=0o600, group=-1))
        return Serving(server, own, database)

    def told(self) -> list[dict[str, Any]]:
        """What it was asked to prepare: key, parent and labels."""
        return [json.loads(line) for line in (self.folder / "told").read_text().splitlines()]


@dataclass
class Serving:
    server: GrpcServer
    own: FolderSnapshotter
    database: SqliteDatabase

    async def close(self) -> None:
        await self.server.close()
        self.own.close()
        self.database.close()


class _NoCollection:
    async def collect(self) -> None:
        return

    def collect_soon(self) -> None:
        return


class _WithoutNamespaces:
    """Whatever namespace a call has: stargz and nydus know none, and containerd 1.7 tells them none."""

    def __init__(self, service: SnapshotsService) -> None:
        self._service = service

    def __getattr__(self, name: str) -> Callable[[Call, Any], Any]:
        handler = getattr(self._service, name)
        return lambda call, request: handler(Call(call.method, {NAMESPACE_HEADER: "plugin"}), request)


class _Service(SnapshotsService):
    def __init__(self, plugin: Plugin, own: FolderSnapshotter) -> None:
        super().__init__({plugin.name: own}, _NoCollection())
        self._plugin = plugin
        self._own = own

    async def prepare(self, call: Call, request: Any) -> Any:
        labels = dict(request.labels)
        with open(self._plugin.folder / "told", "a", encoding="utf-8") as told:
            told.write(json.dumps({"key": request.key, "parent": request.parent, "labels": labels}) + "\n")
        target = labels.pop(REFERENCE_LABEL, "")
        if target not in self._plugin.layers:
            return await super().prepare(call, request)
        scope = scope_of(call)
        mounts = self._own.prepare(scope, request.key, request.parent, labels)
        tree = tree_from_mounts(mounts, writable=True)
        assert tree is not None
        subprocess.run(["tar", "-xf", self._plugin.layers[target], "-C", tree.path], check=True)
        self._own.commit(scope, target, request.key, {**labels, REFERENCE_LABEL: target, REMOTE_LABEL: "yes"})
        raise AlreadyExists(f"target snapshot {target}: already exists")


class LoopThread:
    """An event loop in a thread of its own, while the `with` lasts."""

    def __enter__(self) -> Self:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()
        return self

    def run(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(20)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()


@contextmanager
def served_here(plugin: Plugin) -> Iterator[SnapshotterClient]:
    """The plugin in a thread of the test's own process, and a client of it."""
    with LoopThread() as theirs, LoopThread() as ours:
        serving = theirs.run(plugin.serve())
        client = SnapshotterClient(plugin.name, plugin.address, ours.loop)
        try:
            yield client
        finally:
            ours.loop.call_soon_threadsafe(client.close)
            theirs.run(serving.close())


class PluginProcess:
    """The plugin as a process: to be killed, stopped and started again."""

    def __init__(self, plugin: Plugin) -> None:
        self.plugin = plugin
        self.start()

    def start(self) -> None:
        plugin = self.plugin
        plugin.folder.mkdir(parents=True, exist_ok=True)
        settings = json.dumps([str(plugin.folder), plugin.name, plugin.layout, dict(plugin.layers)])
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.snapshotter_plugin", settings],
            cwd=CHECKOUT,
            env={**os.environ, "PYTHONPATH": f"{CHECKOUT}/src"},
            stdout=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"serves\n"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


async def _main() -> None:
    folder, name, layout, layers = json.loads(sys.argv[1])
    await Plugin(Path(folder), name, layout, layers).serve()
    sys.stdout.write("serves\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


def wait_gone(folder: Path, what: str) -> None:
    """Until a snapshotter has removed the directories of all its snapshots."""
    wait_until(lambda: not os.listdir(folder / "data/snapshots"), what)


if __name__ == "__main__":
    asyncio.run(_main())
