"""containerd's process: reads the settings, builds every long-lived object once, serves until it is told to stop."""

import asyncio
import logging
import os
import sys
import uuid
from contextlib import AsyncExitStack, suppress
from functools import partial
from importlib import resources
from types import ModuleType
from typing import Final

import uvloop
from google.protobuf.any_pb2 import Any as AnyProto

from slipway.archive.unpack import Unpackers
from slipway.base.clock import Clock
from slipway.base.errors import EngineError
from slipway.base.files import read_whole, write_atomically
from slipway.base.identifiers import check_identifier
from slipway.base.version import VERSION
from slipway.clients.shim.exec import ExecLauncher
from slipway.clients.shim.interface import ShimLauncher
from slipway.clients.shim.template import TemplateLauncher
from slipway.containerd.collection.collector import Collector
from slipway.containerd.command_line import Arguments, parse_arguments, settings_from_arguments
from slipway.containerd.containers.store import ContainerStore
from slipway.containerd.content.store import FileContentStore
from slipway.containerd.diff.differ import DirectoryDiffer
from slipway.containerd.diff.stored_layers import StoredLayers
from slipway.containerd.events.exchange import Exchange
from slipway.containerd.images.store import SqlImageStore
from slipway.containerd.leases.store import LeaseStore
from slipway.containerd.metadata.boots import has_stopped_since, record_boot
from slipway.containerd.namespaces.store import NamespaceStore
from slipway.containerd.services.containers import ContainersService
from slipway.containerd.services.content import ContentService
from slipway.containerd.services.diff import DiffService
from slipway.containerd.services.events import EventsService, ShimEvents
from slipway.containerd.services.health import HealthService
from slipway.containerd.services.images import ImagesService
from slipway.containerd.services.introspection import IntrospectionService
from slipway.containerd.services.leases import LeasesService
from slipway.containerd.services.namespaces import NamespacesService
from slipway.containerd.services.parts import parts_of
from slipway.containerd.services.scope import NAMESPACE_HEADER
from slipway.containerd.services.snapshots import SnapshotsService
from slipway.containerd.services.streams import StreamsService
from slipway.containerd.services.tasks import TasksService
from slipway.containerd.services.transfer import TransferService
from slipway.containerd.services.version import VersionService
from slipway.containerd.settings import Settings
from slipway.containerd.snapshots.choice import Snapshotters, open_snapshotters
from slipway.containerd.tasks.bundle import BundleFolders
from slipway.containerd.tasks.checkpoints import Checkpoints
from slipway.containerd.tasks.supervisor import TaskSupervisor
from slipway.containerd.transfer.service import LocalTransfer
from slipway.containerd.transfer.stores import TRANSFER_LABEL, Stores
from slipway.contracts.containerd_api import status
from slipway.contracts.containerd_api.generated import (
    containers_pb2,
    content_pb2,
    diff_pb2,
    events_pb2,
    health_pb2,
    images_pb2,
    introspection_pb2,
    leases_pb2,
    namespaces_pb2,
    snapshots_pb2,
    streaming_pb2,
    tasks_pb2,
    transfer_pb2,
    version_pb2,
)
from slipway.contracts.oci.platforms import platform_from_machine
from slipway.contracts.shim_api.status import code_from_error
from slipway.database.sqlite import SqliteDatabase
from slipway.linux.descriptor_limit import DescriptorLimit
from slipway.service.claims import claim_folder, listen_unix, make_folder
from slipway.service.configuration import table_from_settings, toml_from_table
from slipway.service.logging import start_logging
from slipway.service.signals import Signals
from slipway.transport.aio.grpc_client import GrpcChannel
from slipway.transport.aio.grpc_method import methods_of
from slipway.transport.aio.grpc_server import GrpcServer
from slipway.transport.aio.ttrpc import serve_ttrpc

log = logging.getLogger("slipway.containerd")

SOCKET_MODE: Final = 0o660
PUBLISH_SECONDS: Final = 10.0
ROOT_MODE: Final = 0o700
STATE_MODE: Final = 0o711
# Layers unpacked at a time, on all cores; each takes a process of 20 MB while there is work.
UNPACKERS: Final = max(2, len(os.sched_getaffinity(0)))
BOOT_ID: Final = "/proc/sys/kernel/random/boot_id"


def main() -> None:
    """Do what the command line says. Errors go to standard error, one line, with exit status 1."""
    arguments = parse_arguments(sys.argv[1:])
    try:
        _run(arguments)
    except (EngineError, OSError) as error:
        sys.stderr.write(f"containerd: {error}\n")
        sys.exit(1)


def _run(arguments: Arguments) -> None:
    if arguments.command == "version":
        sys.stdout.write(f"containerd slipway {VERSION} \n")
        return
    settings = settings_from_arguments(arguments)
    if arguments.command == "config default":
        sys.stdout.write(toml_from_table(table_from_settings(Settings())) + "\n")
    elif arguments.command == "config dump":
        sys.stdout.write(toml_from_table(table_from_settings(settings)) + "\n")
    elif arguments.command == "publish":
        uvloop.run(_publish(settings, arguments))
    else:
        _serve(settings)


def _serve(settings: Settings) -> None:
    start_logging(settings.debug.level, style=settings.debug.format)
    limit = DescriptorLimit()
    limit.lift()
    claim_folder(settings.root, mode=ROOT_MODE, what="data folder")  # the lock is the process's, to its end
    make_folder(settings.state, mode=STATE_MODE, what="state folder")
    # The template is exec'd before the first thread and the event loop exist; it starts while the rest is built.
    launcher = _launcher(settings, limit)
    uvloop.run(Daemon(settings, launcher).run())


def _launcher(settings: Settings, limit: DescriptorLimit) -> ShimLauncher:
    others = ExecLauncher(publish_binary=os.path.realpath(sys.argv[0]), limit=limit)
    return TemplateLauncher(settings.grpc.address, others, limit=limit) if settings.shim_template else others


class Daemon:
    """Everything that lives as long as the process, in the order in which it is built."""

    def __init__(self, settings: Settings, launcher: ShimLauncher) -> None:
        self._settings = settings
        self._launcher = launcher
        self._clock = Clock()
        self._server = GrpcServer(status.status_from_error)

    async def run(self) -> None:
        """Serve until a signal asks to stop. Shims live on."""
        signals = Signals()
        signals.install(asyncio.get_running_loop())
        async with AsyncExitStack() as stack:
            collector = await self._start(stack)
            log.info("containerd serves", extra={"fields": {"address": self._settings.grpc.address}})
            async with asyncio.TaskGroup() as background:
                collecting = background.create_task(collector.run(), name="collector")
                await signals.wait_stop()
                collecting.cancel()

    async def _start(self, stack: AsyncExitStack) -> Collector:
        """Build and open everything; `stack` closes it in the reverse order."""
        settings = self._settings
        stack.push_async_callback(self._launcher.close)
        grpc_listener = listen_unix(settings.grpc.address, mode=SOCKET_MODE, group=settings.grpc.gid)
        ttrpc_listener = listen_unix(settings.ttrpc_address, mode=SOCKET_MODE, group=settings.ttrpc.gid)
        exchange = Exchange(self._clock)
        place = f"{_folder(settings, 'metadata.v1.bolt')}/metadata.db"
        database = await asyncio.to_thread(SqliteDatabase, place, _schema())
        stack.push_async_callback(asyncio.to_thread, database.close)
        containers = ContainerStore(database, exchange, self._clock)
        tasks = await self._recover_tasks(stack, containers, exchange)
        collector, checkpoints = await self._add_storage(stack, database, exchange)
        self._add_tasks(containers, tasks, checkpoints, exchange)
        stack.push_async_callback(self._server.close)
        ttrpc = await serve_ttrpc(
            settings.ttrpc_address, ShimEvents(exchange).answer, code_from_error, listener=ttrpc_listener
        )
        stack.push_async_callback(ttrpc.close)
        await self._server.start(grpc_listener)
        return collector

    async def _recover_tasks(
        self, stack: AsyncExitStack, containers: ContainerStore, exchange: Exchange
    ) -> TaskSupervisor:
        """Returns when the shims of an earlier daemon are found again."""
        tasks = TaskSupervisor(
            launcher=self._launcher,
            bundles=BundleFolders(self._settings.state, self._settings.root),
            containers=containers,
            events=exchange,
            clock=self._clock,
            address=self._settings.grpc.address,
        )
        stack.push_async_callback(tasks.close)
        await tasks.recover()
        return tasks

    def _add_tasks(
        self, containers: ContainerStore, tasks: TaskSupervisor, checkpoints: Checkpoints, exchange: Exchange
    ) -> None:
        """What runs: containers and tasks; and what tells of it."""
        self._add(containers_pb2, ContainersService(containers))
        self._add(tasks_pb2, TasksService(tasks, containers, checkpoints, self._clock))
        self._add(events_pb2, EventsService(exchange, self._clock))
        self._add(health_pb2, HealthService())
        self._add(version_pb2, VersionService(VERSION, f"slipway-{VERSION}"))

    async def _add_storage(
        self, stack: AsyncExitStack, database: SqliteDatabase, exchange: Exchange
    ) -> tuple[Collector, Checkpoints]:
        """What stays: content, images, snapshots, and the collection of what nothing keeps."""
        settings, clock = self._settings, self._clock
        leases = LeaseStore(database, clock)
        content = FileContentStore(_folder(settings, "content.v1.content"), database, leases, exchange, clock)
        images = SqlImageStore(database, exchange, clock)
        unpackers = Unpackers(UNPACKERS)
        stack.push_async_callback(asyncio.to_thread, unpackers.close)
        differ = DirectoryDiffer(content, unpackers)
        layers = StoredLayers(content, differ)
        opening = partial(
            open_snapshotters, settings.root, database, leases, clock, layers, wanted=settings.snapshotter
        )
        snapshotters = await asyncio.to_thread(opening, wanted=settings.snapshotter)
        for snapshotter in snapshotters.by_name.values():
            stack.push_async_callback(asyncio.to_thread, snapshotter.close)
        await asyncio.to_thread(_recover_storage, database, content, leases, snapshotters)
        collector = Collector(database, snapshotters.by_name, content, exchange, clock)
        collector.collect_soon()  # what an earlier daemon left
        self._add(namespaces_pb2, NamespacesService(NamespaceStore(database, exchange)))
        self._add(content_pb2, ContentService(content))
        self._add(images_pb2, ImagesService(images, collector))
        self._add(leases_pb2, LeasesService(leases, collector, clock))
        self._add(snapshots_pb2, SnapshotsService(snapshotters.by_name, snapshotters.default, exchange, collector))
        streams = StreamsService()
        self._add(streaming_pb2, streams)
        self._add(diff_pb2, DiffService(differ))
        platform = platform_from_machine(os.uname().machine)
        stores = Stores(
            content=content,
            images=images,
            snapshotters=snapshotters.by_name,
            default_snapshotter=snapshotters.default,
            differ=differ,
            leases=leases,
            platform=platform,
            clock=clock,
        )
        self._add(transfer_pb2, TransferService(LocalTransfer(stores), streams))
        parts = parts_of(settings.root, snapshotters.by_name)
        identity = await asyncio.to_thread(_identity, _folder(settings, "grpc.v1.introspection"))
        self._add(introspection_pb2, IntrospectionService(parts, identity=identity, architecture=platform.architecture))
        return collector, Checkpoints(content, differ)

    def _add(self, module: ModuleType, implementation: object) -> None:
        (service,) = module.DESCRIPTOR.services_by_name.values()
        self._server.add(service, implementation)


def _recover_storage(
    database: SqliteDatabase, content: FileContentStore, leases: LeaseStore, snapshotters: Snapshotters
) -> None:
    """Let go of what an earlier daemon was at, and of what the disk may not have since the machine stopped."""
    try:
        boot = read_whole(BOOT_ID).decode("ascii").strip()
    except OSError:  # nothing tells: each start may be after another boot
        boot = str(uuid.uuid4())
    machine_stopped = has_stopped_since(database, boot)
    if machine_stopped:
        content.drop_ingests()
    for snapshotter in snapshotters.by_name.values():
        snapshotter.recover(machine_stopped=machine_stopped)
    record_boot(database, boot)
    content.drop_never_resumed()
    leases.end_labelled(TRANSFER_LABEL)


def _folder(settings: Settings, name: str) -> str:
    """The data folder of one part, under the original's name for it."""
    path = f"{settings.root}/io.containerd.{name}"
    make_folder(path, mode=ROOT_MODE, what="data folder")
    return path


def _schema() -> str:
    return resources.files("slipway.containerd.metadata").joinpath("schema.sql").read_text()


def _identity(folder: str) -> str:
    """The name of this installation, made at its first start."""
    with suppress(FileNotFoundError):
        return read_whole(f"{folder}/uuid").decode()
    identity = str(uuid.uuid4())
    write_atomically(f"{folder}/uuid", identity.encode())
    return identity


async def _publish(settings: Settings, arguments: Arguments) -> None:
    """Send the event on standard input (an encoded Any) to the daemon, as shims without a socket do."""
    event = AnyProto.FromString(await asyncio.to_thread(sys.stdin.buffer.read))
    channel = GrpcChannel(settings.grpc.address, status.error_from_status)
    try:
        await channel.call(
            methods_of(events_pb2.DESCRIPTOR.services_by_name["Events"])["publish"],
            events_pb2.PublishRequest(topic=arguments.topic, event=event),
            headers={NAMESPACE_HEADER: check_identifier(arguments.namespace, "namespace")},
            timeout=PUBLISH_SECONDS,
        )
    finally:
        channel.close()
