"""dockerd's process: reads the settings, builds every long-lived object once, serves until it is told to stop."""

import asyncio
import grp
import logging
import os
import shutil
import socket
import sys
import uuid
from collections.abc import Coroutine
from contextlib import AsyncExitStack, ExitStack, suppress
from dataclasses import replace
from typing import Any, Final

import uvloop

from slipway.base.clock import Clock
from slipway.base.errors import EngineError, PermissionDenied
from slipway.base.files import read_whole, write_atomically
from slipway.clients.containerd.calls import Connection
from slipway.clients.containerd.client import ContainerdClient
from slipway.clients.containerd.snapshots import serving_snapshotter
from slipway.contracts.containerd_api.types import Platform
from slipway.dockerd.api import absent, later
from slipway.dockerd.api.attach_ws import AttachWebSocketRoutes
from slipway.dockerd.api.build_cache import BuildCacheRoutes
from slipway.dockerd.api.containers import ContainerRoutes
from slipway.dockerd.api.disk_usage import DiskUsageRoutes
from slipway.dockerd.api.images import ImageRoutes
from slipway.dockerd.api.network_endpoints import NetworkEndpointRoutes
from slipway.dockerd.api.networks import NetworkRoutes
from slipway.dockerd.api.prune_gate import PruneGate
from slipway.dockerd.api.routing import Route, Router
from slipway.dockerd.api.streams import StreamRoutes
from slipway.dockerd.api.system import SystemRoutes, common_headers
from slipway.dockerd.api.volumes import VolumeRoutes
from slipway.dockerd.command_line import DaemonSettings, settings_from_arguments, version_line
from slipway.dockerd.containers.environment import ContainerEnvironment, ContainerSettings, Runtime
from slipway.dockerd.containers.recovery import recover
from slipway.dockerd.containers.recovery.leftovers import remove_leftover_records
from slipway.dockerd.containers.recovery.watch import TaskWatch
from slipway.dockerd.containers.registry import ContainerRegistry
from slipway.dockerd.containers.request.defaults import DaemonDefaults
from slipway.dockerd.containers.service import ContainerService
from slipway.dockerd.containers.shutdown import stop_all
from slipway.dockerd.containers.store import ContainerStore
from slipway.dockerd.events.hub import EventHub
from slipway.dockerd.images.content import ContentReader
from slipway.dockerd.images.environment import ImageEnvironment
from slipway.dockerd.images.resolve import ImageFinder
from slipway.dockerd.images.service import ImageService
from slipway.dockerd.images.sizes import ImageSizes
from slipway.dockerd.logs.local import LocalLogs
from slipway.dockerd.networks.local import LocalNetworks
from slipway.dockerd.registries.folders import RegistryFolders
from slipway.dockerd.system.apparmor import ensure_profile
from slipway.dockerd.system.disk_usage import DiskUsage
from slipway.dockerd.system.host_facts import read_host_facts
from slipway.dockerd.system.info import ARCHITECTURES
from slipway.dockerd.system.model import ENGINE_VERSION, DaemonIdentity, TransferSettings
from slipway.dockerd.system.service import SystemService
from slipway.dockerd.system.supervisor import ContainerdPlan, ContainerdSupervisor, wait_answering
from slipway.dockerd.volumes.store import VolumeStore
from slipway.linux.descriptor_limit import DescriptorLimit
from slipway.service.claims import SocketFile, claim_folder, listen_unix, make_folder
from slipway.service.logging import start_logging
from slipway.service.pid_file import PidFile
from slipway.service.signals import Signals
from slipway.transport.aio.http_server import HttpServer, tcp_socket

log = logging.getLogger("slipway.dockerd")

UNIX: Final = "unix://"
SOCKET_MODE: Final = 0o660
ROOT_MODE: Final = 0o710
RUN_MODE: Final = 0o711
CLOSE_SECONDS: Final = 5.0
# What is bound into containers must not need their libraries: Debian's tini does, its tini-static does not.
INIT_NAMES: Final = ("docker-init", "tini-static", "catatonit", "tini")


def main() -> None:
    """Do what the command line says. Errors go to standard error, one line, with exit status 1."""
    try:
        settings = settings_from_arguments(sys.argv[1:])
        if settings.show_version:
            sys.stdout.write(version_line() + "\n")
            return
        if settings.only_validate:
            sys.stderr.write("configuration OK\n")
            return
        start_logging(settings.log_level, style=settings.log_format)
        _serve(settings)
    except (EngineError, OSError) as error:
        sys.stderr.write(f"dockerd: {error}\n")
        sys.exit(1)


def _serve(settings: DaemonSettings) -> None:
    if os.geteuid() != 0:
        raise PermissionDenied("dockerd needs to be started with root privileges", hint="use sudo")
    instance = settings.instance
    limit = DescriptorLimit()
    limit.lift()
    claim_folder(instance.data_root, mode=ROOT_MODE, what="data folder")  # the lock is the process's, to its end
    make_folder(instance.exec_root, mode=RUN_MODE, what="run folder")
    with ExitStack() as stack:
        pid_file = PidFile.claim(instance.pid_file, program="dockerd")
        stack.callback(pid_file.release)
        listeners = [_listener(host, settings.socket_group, stack) for host in instance.hosts]
        uvloop.run(Daemon(settings, limit).run(listeners))


def _listener(host: str, group: str, stack: ExitStack) -> socket.socket:
    """Bound to `host`; a unix socket's file goes with the stack."""
    scheme, _, address = host.partition("://")
    if scheme == "unix":
        os.makedirs(os.path.dirname(address), mode=0o755, exist_ok=True)
        listener = listen_unix(address, mode=SOCKET_MODE, group=_group_id(group), backlog=4096)
        stack.callback(SocketFile.at(address).remove)
        return listener
    return tcp_socket(host)


def _group_id(name: str) -> int:
    """-1 (root's) for a group that does not exist, as the original."""
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return -1


class Daemon:
    """Everything that lives as long as the process, in the order in which it is built."""

    def __init__(self, settings: DaemonSettings, limit: DescriptorLimit) -> None:
        self._settings = settings
        self._instance = settings.instance
        self._limit = limit
        self._clock = Clock()

    async def run(self, listeners: list[socket.socket]) -> None:
        """Serve until a signal asks to stop, also while starting. Containers live on, unless the settings say no."""
        signals = Signals()
        signals.install(asyncio.get_running_loop())
        async with AsyncExitStack() as stack:
            if await _is_done_before(signals.wait_stop(), self._start(stack, listeners)):
                await signals.wait_stop()

    async def _start(self, stack: AsyncExitStack, listeners: list[socket.socket]) -> None:
        """Build all parts and listen; what is to be undone at the end goes onto the stack."""
        address = await self._containerd(stack)
        self._settings = replace(self._settings, snapshotter=await self._snapshotter(address))
        containerd = ContainerdClient(address, self._instance.containerd_namespace, self._settings.snapshotter)
        stack.callback(containerd.close)
        finder = ImageFinder(containerd.images, ContentReader(containerd.content, _platform()))
        environment = self._environment(containerd, finder)
        await self._start_parts(environment, stack)
        if not self._settings.live_restore:
            stack.push_async_callback(stop_all, environment)  # after the server has closed, as the original
        daemon_id = await asyncio.to_thread(_daemon_id, f"{self._instance.data_root}/engine-id")
        server = self._server(environment, finder, self._identity(environment, address, daemon_id))
        stack.push_async_callback(server.close, timeout=CLOSE_SECONDS)
        for listener in listeners:
            await server.listen(listener)
        for host in self._instance.hosts:
            log.info("API listen on %s", host.removeprefix(UNIX))

    async def _snapshotter(self, address: str) -> str:
        connection = Connection(address, self._instance.containerd_namespace)
        try:
            return await serving_snapshotter(connection, self._settings.snapshotter)
        finally:
            connection.close()

    async def _containerd(self, stack: AsyncExitStack) -> str:
        """The address of the containerd to use: the one we were told of, or our own."""
        if told := self._instance.containerd_address:
            log.info("waiting for containerd", extra={"fields": {"address": told}})
            if self._settings.transfers != TransferSettings():
                log.warning("limits of transfers change nothing: this containerd was configured by somebody else")
            await wait_answering(told.removeprefix(UNIX))
            return told
        plan = ContainerdPlan(
            command=_containerd_command(),
            folder=f"{self._instance.exec_root}/containerd",
            root=self._instance.containerd_data_root,
            state=self._instance.containerd_state_root,
            log_level=self._settings.log_level,
            transfers=self._settings.transfers,
        )
        supervisor = ContainerdSupervisor(plan, self._limit)
        stack.push_async_callback(supervisor.stop)
        await supervisor.start()
        supervision = await stack.enter_async_context(_Tasks())
        supervision.add(supervisor.run())
        return plan.address

    def _environment(self, containerd: ContainerdClient, finder: ImageFinder) -> ContainerEnvironment:
        instance, settings = self._instance, self._settings
        runtimes = {"runc": Runtime(), "io.containerd.runc.v2": Runtime()}
        runtimes |= {name: Runtime(binary=path) for name, path in settings.runtimes.items()}
        events = EventHub(self._clock.now)
        return ContainerEnvironment(
            settings=ContainerSettings(
                exec_root=instance.exec_root,
                cgroup_parent=f"/{instance.cgroup_parent.strip('/')}",
                snapshotter=settings.snapshotter,
                runtimes=runtimes,
                defaults=DaemonDefaults(
                    runtime=settings.default_runtime,
                    log_driver=settings.log_driver,
                    log_options=settings.log_options,
                ),
                init_path=settings.init_path or _init_path(),
            ),
            facts=read_host_facts(),
            clock=self._clock,
            containerd=containerd,
            store=ContainerStore(f"{instance.data_root}/containers"),
            registry=ContainerRegistry(),
            events=events,
            images=finder,
            networks=LocalNetworks(instance, self._clock),
            volumes=VolumeStore(f"{instance.data_root}/volumes", self._clock.now, events),
            logs=LocalLogs(self._clock.now),
            ensure_apparmor=ensure_profile,
        )

    async def _start_parts(self, environment: ContainerEnvironment, stack: AsyncExitStack) -> None:
        """Load what is on disk, take networks and containers over, then listen to containerd."""
        assert isinstance(environment.volumes, VolumeStore)
        assert isinstance(environment.logs, LocalLogs)
        await asyncio.to_thread(environment.volumes.load)
        endpoints = await asyncio.to_thread(recover.load, environment)
        environment.logs.start()
        stack.push_async_callback(asyncio.to_thread, environment.logs.stop)
        await environment.networks.start(endpoints)
        stack.push_async_callback(environment.networks.stop)
        stack.push_async_callback(environment.background.stop)
        watch = TaskWatch(environment)
        watching = await stack.enter_async_context(_Tasks())  # until before the end of what an exit needs
        watching.add(watch.run())
        await watch.subscribed.wait()
        await recover.recover(environment)
        watch.release()
        await remove_leftover_records(environment)
        environment.background.run(environment.volumes.finish_removals(), "removal of volumes")

    def _server(self, environment: ContainerEnvironment, finder: ImageFinder, identity: DaemonIdentity) -> HttpServer:
        images = ImageService(
            ImageEnvironment(
                containerd=environment.containerd,
                finder=finder,
                sizes=ImageSizes(environment.containerd.snapshots),
                events=environment.events,
                clock=self._clock,
                platform=_platform(),
                scratch=f"{self._instance.data_root}/tmp",
                snapshotter=self._settings.snapshotter,
                registries=RegistryFolders(
                    self._settings.registries,
                    certificates=self._settings.registry_certificates,
                    place=f"{self._instance.exec_root}/registries",
                ),
            )
        )
        containers = ContainerService(environment)
        system = SystemService(
            identity,
            environment.containerd.connection,
            containers=containers,
            images=images,
            events=environment.events,
            now=self._clock.now,
        )
        gate = PruneGate()
        routes: list[Route] = [
            *SystemRoutes(system).routes(),
            *ContainerRoutes(containers, gate).routes(),
            *StreamRoutes(containers).routes(),
            *ImageRoutes(images, containers.used_images, containers.image_uses).routes(),
            *NetworkRoutes(environment.networks, gate, self._clock).routes(),
            *VolumeRoutes(environment.volumes, containers.volume_users).routes(),
            *later.routes(),
            *DiskUsageRoutes(DiskUsage(containers, images, environment.volumes)).routes(),
            *AttachWebSocketRoutes(containers).routes(),
            *NetworkEndpointRoutes(containers).routes(),
            *BuildCacheRoutes(environment.events).routes(),
            *absent.routes(),
        ]
        router = Router(routes, common_headers(f"Docker/{ENGINE_VERSION} (linux)"))
        return HttpServer(router.handle, router.refuse)

    def _identity(self, environment: ContainerEnvironment, address: str, daemon_id: str) -> DaemonIdentity:
        facts = environment.facts
        options = ["name=seccomp,profile=builtin"] if facts.seccomp else []
        if facts.apparmor:
            options.insert(0, "name=apparmor")
        if facts.cgroup_version == 2:
            options.append("name=cgroupns")
        return DaemonIdentity(
            daemon_id=daemon_id,
            data_root=self._instance.data_root,
            containerd_address=address,
            containerd_namespace=self._instance.containerd_namespace,
            snapshotter=self._settings.snapshotter,
            cgroup_driver="systemd" if facts.systemd_cgroups else "cgroupfs",
            cgroup_version=facts.cgroup_version,
            log_driver=self._settings.log_driver,
            runtimes=tuple(environment.settings.runtimes),
            default_runtime=self._settings.default_runtime,
            init_binary=os.path.basename(environment.settings.init_path) or "docker-init",
            security_options=tuple(options),
            live_restore=self._settings.live_restore,
            absent_limits=facts.absent_limits,
            registries=self._settings.registries,
        )


class _Tasks:
    """The daemon's endless tasks; cancelled and waited for at its end. One that fails is logged."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "_Tasks":
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def add(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(_tell_of_failure)
        self._tasks.append(task)


async def _is_done_before(stop: Coroutine[Any, Any, None], work: Coroutine[Any, Any, None]) -> bool:
    """Do `work`, unless `stop` returns first: then it is cancelled. Raises what `work` raises."""
    doing, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop)
    await asyncio.wait((doing, stopping), return_when=asyncio.FIRST_COMPLETED)
    is_done = doing.done()
    doing.cancel()
    stopping.cancel()
    with suppress(asyncio.CancelledError):
        await doing
    return is_done


def _tell_of_failure(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("a part of the daemon has failed: %s", error, exc_info=error)


def _platform() -> Platform:
    machine = os.uname().machine
    return Platform(os="linux", architecture=ARCHITECTURES.get(machine, machine))


def _containerd_command() -> list[str]:
    """The containerd beside this program, or on PATH."""
    beside = os.path.join(os.path.dirname(os.path.realpath(sys.argv[0])), "containerd")
    return [beside if os.access(beside, os.X_OK) else shutil.which("containerd") or "containerd"]


def _init_path() -> str:
    return next((path for name in INIT_NAMES if (path := shutil.which(name))), "")


def _daemon_id(path: str) -> str:
    """Made at the first start, the same afterwards."""
    with suppress(OSError):
        return read_whole(path, limit=256).decode("ascii", "replace").strip()
    daemon_id = str(uuid.uuid4())
    write_atomically(path, daemon_id.encode())
    return daemon_id
