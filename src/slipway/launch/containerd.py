"""containerd's process: reads the settings, builds every long-lived object once, serves until it is told to stop."""

import asyncio
import logging
import os
import sys
import uuid
from contextlib import AsyncExitStack, suppress
from importlib import resources
from types import ModuleType
from typing import Final

import uvloop
from google.protobuf.any_pb2 import Any as AnyProto

from slipway.base.clock import Clock
from slipway.base.errors import EngineError, Unavailable
from slipway.base.files import make_folders, read_whole, write_atomically
from slipway.base.identifiers import check_identifier
from slipway.base.version import VERSION
from slipway.clients.shim.exec import ExecLauncher
from slipway.clients.shim.interface import ShimLauncher
from slipway.clients.shim.template import TemplateLauncher
from slipway.containerd.collection.collector import Collector
from slipway.containerd.command_line import Arguments, check_settings, parse_arguments, settings_from_arguments
from slipway.containerd.configuration.model import Settings
from slipway.containerd.configuration.names import NEWEST
from slipway.containerd.configuration.write import READ_BY_ALL, text_of
from slipway.containerd.events.exchange import Exchange
from slipway.containerd.images.config_labels import ImageConfigLabels
from slipway.containerd.namespaces.store import NamespaceStore
from slipway.containerd.oci_hook import become_hook
from slipway.containerd.restarts.monitor import RestartMonitor
from slipway.containerd.services.containers import ContainersService
from slipway.containerd.services.content import ContentService
from slipway.containerd.services.diff import DiffService
from slipway.containerd.services.events import EventsService, ShimEvents
from slipway.containerd.services.health import HealthService
from slipway.containerd.services.images import ImagesService
from slipway.containerd.services.introspection import IntrospectionService, Part
from slipway.containerd.services.leases import LeasesService
from slipway.containerd.services.namespaces import NamespacesService
from slipway.containerd.services.parts import Disabled, check_required, parts_of
from slipway.containerd.services.sandboxes import SandboxControllerService, SandboxStoreService
from slipway.containerd.services.scope import NAMESPACE_HEADER
from slipway.containerd.services.snapshots import SnapshotsService
from slipway.containerd.services.streams import StreamsService
from slipway.containerd.services.tasks import TasksService
from slipway.containerd.services.transfer import TransferService
from slipway.containerd.services.version import VersionService
from slipway.containerd.tasks.checkpoints import Checkpoints
from slipway.containerd.tasks.lives import TaskLives
from slipway.containerd.transfer.registries import roots_of
from slipway.containerd.transfer.service import LocalTransfer
from slipway.containerd.transfer.stores import Stores
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
    sandbox_pb2,
    snapshots_pb2,
    streaming_pb2,
    tasks_pb2,
    transfer_pb2,
    version_pb2,
)
from slipway.contracts.oci.platforms import platform_from_machine
from slipway.contracts.shim_api.status import code_from_error
from slipway.database.sqlite import SqliteDatabase
from slipway.launch.containerd_sockets import call_counters, listen, serve_debug, serve_metrics
from slipway.launch.containerd_storage import ROOT_MODE, Storage, data_folder, open_storage
from slipway.launch.containerd_tasks import Running, recover_running
from slipway.linux.descriptor_limit import DescriptorLimit
from slipway.service.claims import claim_folder, make_folder
from slipway.service.logging import start_logging
from slipway.service.notify import READY, STOPPING, notify
from slipway.service.signals import Signals
from slipway.service.stacks import stacks_of
from slipway.transport.aio.grpc_client import GrpcChannel
from slipway.transport.aio.grpc_method import methods_of
from slipway.transport.aio.grpc_server import GrpcServer
from slipway.transport.aio.ttrpc import serve_ttrpc

log = logging.getLogger("slipway.containerd")

PUBLISH_SECONDS: Final = 10.0
STATE_MODE: Final = 0o711


def main() -> None:
    """Do what the command line says. Errors go to standard error, one line, with exit status 1."""
    arguments = parse_arguments(sys.argv[1:])
    try:
        _run(arguments)
    except (EngineError, OSError) as error:
        sys.stderr.write(f"containerd: {error}\n")
        sys.exit(1)


def _run(arguments: Arguments) -> None:
    match arguments.command:
        case "version":
            sys.stdout.write(f"containerd slipway {VERSION} \n")
        case "config default":
            sys.stdout.write(text_of(Settings(), READ_BY_ALL))
        case "config dump":
            sys.stdout.write(text_of(_settings(arguments), READ_BY_ALL))
        case "config migrate":
            sys.stdout.write(text_of(_settings(arguments), NEWEST))
        case "publish":
            uvloop.run(_publish(arguments.address or _settings(arguments).grpc.address, arguments))
        case "oci-hook":
            become_hook(arguments.hook, sys.stdin.buffer.read())
        case _:
            _serve(_settings(arguments))


def _settings(arguments: Arguments) -> Settings:
    """With the log as they want it, and the remarks on their file in it."""
    settings, remarks = settings_from_arguments(arguments)
    start_logging(settings.debug.level, style=settings.debug.format)
    for remark in remarks:
        log.warning(remark.message, extra={"fields": {"file": remark.file, "key": remark.key}})
    return settings


def _serve(settings: Settings) -> None:
    check_settings(settings)
    limit = DescriptorLimit()
    limit.lift()
    claim_folder(settings.root, mode=ROOT_MODE, what="data folder")  # the lock is the process's, to its end
    make_folder(settings.state, mode=STATE_MODE, what="state folder")
    _settle(settings)
    # The template is exec'd before the first thread and the event loop exist; it starts while the rest is built.
    launcher = _launcher(settings, limit)
    uvloop.run(Daemon(settings, launcher).run())


def _settle(settings: Settings) -> None:
    """What is set about the process itself, and all that it starts."""
    if settings.temp:
        make_folders(settings.temp, STATE_MODE)
        os.environ["TMPDIR"] = settings.temp
    if settings.oom_score:
        try:
            with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
                file.write(str(settings.oom_score))
        except OSError as error:  # as the original: one that may not lower it serves all the same
            log.error("set OOM score: %s", error.strerror, extra={"fields": {"score": settings.oom_score}})


def _launcher(settings: Settings, limit: DescriptorLimit) -> ShimLauncher:
    environment = settings.shim_environment
    others = ExecLauncher(publish_binary=os.path.realpath(sys.argv[0]), limit=limit, environment=environment)
    if not settings.shim_template or environment:  # the template has the daemon's
        return others
    return TemplateLauncher(settings.grpc.address, others, limit=limit)


class Daemon:
    """Everything that lives as long as the process, in the order in which it is built."""

    def __init__(self, settings: Settings, launcher: ShimLauncher) -> None:
        self._settings = settings
        self._launcher = launcher
        self._clock = Clock()
        self._disabled = Disabled(names=frozenset(settings.disabled_plugins))
        self._calls = call_counters(settings)
        self._server = GrpcServer(
            status.status_from_error,
            observer=self._calls,
            max_message_bytes=settings.grpc.max_recv_message_size,
        )

    async def run(self) -> None:
        """Serve until a signal asks to stop. Shims live on."""
        stacks_wanted = asyncio.Event()
        signals = Signals(on_stacks=stacks_wanted.set)
        signals.install(asyncio.get_running_loop())
        async with AsyncExitStack() as stack:
            collector, monitor = await self._start(stack)
            log.info("containerd serves", extra={"fields": {"address": self._settings.grpc.address}})
            _tell_manager(READY)
            async with asyncio.TaskGroup() as background:
                jobs = (
                    background.create_task(collector.run(), name="collector"),
                    background.create_task(monitor.run(), name="restart monitor"),
                    background.create_task(self._write_stacks(stacks_wanted), name="stacks"),
                )
                await signals.wait_stop()
                _tell_manager(STOPPING)
                for job in jobs:
                    job.cancel()

    async def _write_stacks(self, wanted: asyncio.Event) -> None:
        """Whenever it is wanted, where every thread and task is: to the log, and to a file of its own."""
        path = f"{self._settings.state}/containerd.{os.getpid()}.stacks.log"
        while await wanted.wait():
            wanted.clear()
            try:
                stacks = await asyncio.to_thread(stacks_of, asyncio.get_running_loop())
                fields = {"fields": {"file": path}}
                log.info("=== BEGIN stack dump ===\n%s\n=== END stack dump ===", stacks, extra=fields)
                await asyncio.to_thread(write_atomically, path, stacks.encode(), durable=False)
            except Exception:  # the edge of a background job: a full disk, say, ends no daemon
                log.exception("stack dump failed")

    async def _start(self, stack: AsyncExitStack) -> tuple[Collector, RestartMonitor]:
        """Build and open everything; `stack` closes it in the reverse order."""
        settings = self._settings
        stack.push_async_callback(self._launcher.close)
        grpc_listener = listen(settings.grpc.address, settings.grpc)
        ttrpc_listener = listen(settings.ttrpc_address, settings.ttrpc_owner)
        exchange = Exchange(self._clock)
        place = f"{data_folder(settings, 'metadata.v1.bolt')}/metadata.db"
        database = await asyncio.to_thread(SqliteDatabase, place, _schema())
        stack.push_async_callback(asyncio.to_thread, database.close)
        running = await recover_running(stack, settings, self._launcher, database, exchange, self._clock)
        self._add_sandboxes(running)
        storage = await self._add_storage(stack, database, exchange)
        self._add_tasks(running, storage, exchange)
        stack.push_async_callback(self._server.close)
        ttrpc = await serve_ttrpc(
            settings.ttrpc_address, ShimEvents(exchange).answer, code_from_error, listener=ttrpc_listener
        )
        stack.push_async_callback(ttrpc.close)
        if self._calls is not None:
            self._calls.expect(self._server.methods())
        await serve_metrics(stack, settings, self._calls, running)
        await serve_debug(stack, settings)
        await self._server.start(grpc_listener)
        monitor = RestartMonitor(
            containers=running.containers,
            tasks=TaskLives(running.tasks),
            snapshotters=storage.snapshotters,
            interval=settings.plugins.restart.interval.seconds,
        )
        return storage.collector, monitor

    def _add_sandboxes(self, running: Running) -> None:
        services = sandbox_pb2.DESCRIPTOR.services_by_name
        self._server.add(services["Store"], SandboxStoreService(running.sandbox_records))
        self._server.add(services["Controller"], SandboxControllerService({"shim": running.sandboxes}))

    def _add_tasks(self, running: Running, storage: Storage, exchange: Exchange) -> None:
        """What runs: containers and tasks; and what tells of it."""
        labels = ImageConfigLabels(storage.images, storage.content)
        self._add(containers_pb2, ContainersService(running.containers, labels))
        checkpoints = Checkpoints(storage.content, storage.differ)
        tasks = TasksService(running.tasks, running.containers, checkpoints, self._clock, running.timeouts)
        self._add(tasks_pb2, tasks)
        self._add(events_pb2, EventsService(exchange, self._clock))
        self._add(health_pb2, HealthService())
        self._add(version_pb2, VersionService(VERSION, f"slipway-{VERSION}"))

    async def _add_storage(self, stack: AsyncExitStack, database: SqliteDatabase, exchange: Exchange) -> Storage:
        """What stays: content, images, snapshots, and the collection of what nothing keeps."""
        settings = self._settings
        storage = await open_storage(stack, settings, self._disabled, database, exchange, self._clock)
        self._add(namespaces_pb2, NamespacesService(NamespaceStore(database, exchange)))
        self._add(content_pb2, ContentService(storage.content))
        self._add(images_pb2, ImagesService(storage.images, storage.collector))
        self._add(leases_pb2, LeasesService(storage.leases, storage.collector, self._clock))
        self._add(snapshots_pb2, SnapshotsService(storage.snapshotters, storage.collector))
        self._add(diff_pb2, DiffService(storage.differ))
        streams = StreamsService()
        self._add(streaming_pb2, streams)
        platform = platform_from_machine(os.uname().machine)
        self._add(transfer_pb2, TransferService(self._transfer(storage.stores(platform, self._clock)), streams))
        here = f"{platform.os}/{platform.architecture}"
        await self._add_introspection(parts_of(settings, storage.opened, here, storage.proxies))
        return storage

    def _transfer(self, stores: Stores) -> LocalTransfer:
        transfer = self._settings.plugins.transfer
        roots = roots_of(transfer.config_path)
        return LocalTransfer(
            stores,
            host_roots=roots,
            downloads=transfer.max_concurrent_downloads,
            uploads=transfer.max_concurrent_uploaded_layers,
            download_attempts=self._settings.max_download_attempts,
        )

    async def _add_introspection(self, parts: list[Part]) -> None:
        """What tells of the others. Raises NotFound, FailedPrecondition for what must be there and is not."""
        check_required(parts, self._settings.required_plugins)
        for name in self._disabled.refused(parts):
            log.warning("a part that others need serves though it is disabled", extra={"fields": {"id": name}})
        identity = await asyncio.to_thread(_identity, data_folder(self._settings, "grpc.v1.introspection"))
        runtimes = ExecLauncher(publish_binary="")
        self._add(introspection_pb2, IntrospectionService(parts, identity=identity, runtime_info=runtimes.info))

    def _add(self, module: ModuleType, implementation: object) -> None:
        (service,) = module.DESCRIPTOR.services_by_name.values()
        name = module.__name__.rpartition(".")[2].removesuffix("_pb2")
        if self._disabled.has_service("healthcheck" if name == "health" else name):
            return
        self._server.add(service, implementation)


def _tell_manager(state: str) -> None:
    try:
        notify(state, os.environ.get("NOTIFY_SOCKET", ""))
    except Unavailable as error:
        log.warning("notify failed", extra={"fields": {"error": error}})


def _schema() -> str:
    return resources.files("slipway.containerd.metadata").joinpath("schema.sql").read_text()


def _identity(folder: str) -> str:
    """The name of this installation, made at its first start."""
    with suppress(FileNotFoundError):
        return read_whole(f"{folder}/uuid").decode()
    identity = str(uuid.uuid4())
    write_atomically(f"{folder}/uuid", identity.encode())
    return identity


async def _publish(address: str, arguments: Arguments) -> None:
    """Send the event on standard input (an encoded Any) to the daemon, as shims without a socket do."""
    event = AnyProto.FromString(await asyncio.to_thread(sys.stdin.buffer.read))
    channel = GrpcChannel(address, status.error_from_status)
    try:
        await channel.call(
            methods_of(events_pb2.DESCRIPTOR.services_by_name["Events"])["publish"],
            events_pb2.PublishRequest(topic=arguments.topic, event=event),
            headers={NAMESPACE_HEADER: check_identifier(arguments.namespace, "namespace")},
            timeout=PUBLISH_SECONDS,
        )
    finally:
        channel.close()
