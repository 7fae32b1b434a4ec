"""The containers of one engine as the API asks for them: finds the container, calls the verb. No logic of its own."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from slipway.base.errors import NotFound
from slipway.contracts.containerd_api.types import Platform
from slipway.contracts.engine_api.container_config import ContainerConfig
from slipway.contracts.engine_api.execs import ExecConfig, ExecStart
from slipway.contracts.engine_api.filters import Filters
from slipway.contracts.engine_api.host_config import HostConfig
from slipway.contracts.engine_api.networks import EndpointSettings
from slipway.dockerd.containers import kill, list_containers, pause, remove, rename, start, stop, top
from slipway.dockerd.containers.create import CreateRequest, create
from slipway.dockerd.containers.describe import inspect_document, list_document
from slipway.dockerd.containers.environment import ContainerEnvironment
from slipway.dockerd.containers.execs import exec_process
from slipway.dockerd.containers.files.changes import changes
from slipway.dockerd.containers.files.sizes import sizes
from slipway.dockerd.containers.join_network import join_network
from slipway.dockerd.containers.leave_network import leave_network
from slipway.dockerd.containers.lifecycle import Status
from slipway.dockerd.containers.prune import prune
from slipway.dockerd.containers.stats import stats
from slipway.dockerd.containers.streams.attach import ClientStream
from slipway.dockerd.containers.streams.attach_container import AttachRequest, attach, check_attach
from slipway.dockerd.containers.streams.read_logs import check_logs, read_logs, replay
from slipway.dockerd.containers.streams.resize import resize, resize_exec
from slipway.dockerd.containers.update import update
from slipway.dockerd.containers.wait import Outcome, wait
from slipway.dockerd.images.model import ImageUse
from slipway.dockerd.logs.model import Selection


class ContainerService:
    """Implements the Backends of the API's container routes."""

    def __init__(self, environment: ContainerEnvironment) -> None:
        self._environment = environment
        self._registry = environment.registry

    async def create(
        self,
        name: str,
        config: ContainerConfig,
        host: HostConfig,
        networks: Mapping[str, EndpointSettings],
        platform: Platform | None,
    ) -> tuple[str, list[str]]:
        request = CreateRequest(config=config, host_config=host, networks=networks, name=name, platform=platform)
        container, warnings = await create(self._environment, request)
        return container.id, warnings

    async def select(self, *, everything: bool, limit: int, filters: Filters) -> list[dict[str, Any]]:
        found = await list_containers.select(self._environment, everything=everything, limit=limit, filters=filters)
        now = self._environment.clock.now()
        return [list_document(container, now) for container in found]

    def counts(self) -> dict[str, int]:
        """As interface.CountsContainers."""
        statuses = [container.state.status for container in self._registry]
        running = statuses.count(Status.RUNNING) + statuses.count(Status.RESTARTING)
        paused = statuses.count(Status.PAUSED)
        stopped = len(statuses) - running - paused
        return {"containers": len(statuses), "running": running, "paused": paused, "stopped": stopped}

    def used_images(self) -> dict[str, str]:
        """Image id → a container that has it."""
        return {container.record.image_id: container.id for container in self._registry}

    def image_uses(self) -> list[ImageUse]:
        """Which images the containers have, and by which names."""
        records = [container.record for container in self._registry]
        return [
            ImageUse(image_id=record.image_id, container_id=record.id, reference=record.config.image)
            for record in records
        ]

    def volume_users(self, name: str) -> list[str]:
        """The containers that use a volume."""
        return [
            container.id
            for container in self._registry
            if any(point.name == name for point in container.record.mount_points)
        ]

    def inspect(self, reference: str) -> dict[str, Any]:
        container = self._registry.find(reference)
        store = self._environment.store
        return inspect_document(container, store.folder(container.id), store.log_path(container.id))

    async def sizes(self, reference: str) -> dict[str, int]:
        return await sizes(self._environment, self._registry.find(reference))

    def image_users(self) -> dict[str, int]:
        """Image id → how many containers have it."""
        return Counter(container.record.image_id for container in self._registry)

    async def usage(self) -> list[dict[str, Any]]:
        """All containers with their sizes, newest first."""
        now = self._environment.clock.now()
        newest = sorted(self._registry, key=lambda container: container.record.created, reverse=True)
        return [list_document(each, now) | await sizes(self._environment, each) for each in newest]

    async def changes(self, reference: str) -> list[dict[str, Any]]:
        return await changes(self._environment, self._registry.find(reference))

    async def start(self, reference: str) -> bool:
        return await start.start(self._environment, self._registry.find(reference))

    async def stop(self, reference: str, timeout: int | None, signal: str) -> bool:
        container = self._registry.find(reference)
        return await stop.stop(self._environment, container, timeout=timeout, signal_text=signal)

    async def restart(self, reference: str, timeout: int | None, signal: str) -> None:
        container = self._registry.find(reference)
        await stop.restart(self._environment, container, timeout=timeout, signal_text=signal)

    async def kill(self, reference: str, signal: str) -> None:
        try:
            container = self._registry.find(reference)
        except NotFound as error:
            raise NotFound(f"cannot kill container: {reference}: {error.message}") from error
        await kill.kill(self._environment, container, reference, signal)

    async def pause(self, reference: str) -> None:
        await pause.pause(self._environment, self._registry.find(reference))

    async def unpause(self, reference: str) -> None:
        await pause.unpause(self._environment, self._registry.find(reference))

    async def join_network(self, reference: str, network: str, settings: EndpointSettings) -> None:
        join_network(self._environment, reference, network, settings)

    async def leave_network(self, reference: str, network: str, *, force: bool) -> None:
        leave_network(self._environment, reference, network, force=force)

    async def rename(self, reference: str, name: str) -> None:
        await rename.rename(self._environment, self._registry.find(reference), name)

    async def remove(self, reference: str, *, force: bool, volumes: bool) -> None:
        container = self._registry.find(reference)
        await remove.remove(self._environment, container, force=force, remove_volumes=volumes)

    async def update(self, reference: str, host: HostConfig) -> list[str]:
        await update(self._environment, self._registry.find(reference), host)
        return []

    async def resize(self, reference: str, height: int, width: int) -> None:
        await resize(self._environment, self._registry.find(reference), height, width)

    async def top(self, reference: str, arguments: str) -> dict[str, Any]:
        return await top.top(self._environment, self._registry.find(reference), arguments)

    async def prune(self, filters: Filters) -> dict[str, Any]:
        return await prune(self._environment, filters)

    def has_terminal(self, reference: str) -> bool:
        return self._registry.find(reference).record.config.tty

    def takes_stdin(self, reference: str) -> bool:
        return self._registry.find(reference).record.config.open_stdin

    def prepare_attach(self, reference: str, request: AttachRequest) -> Callable[[ClientStream], Awaitable[None]]:
        container = self._registry.find(reference)
        check_attach(container, request)

        async def serve(client: ClientStream) -> None:
            logs, path = self._environment.logs, self._environment.store.log_path(container.id)
            entries = await asyncio.to_thread(replay, logs, path, request.streams) if request.logs else []
            await attach(self._environment, container, client, request, entries)

        return serve

    def wait(self, reference: str, condition: str) -> Callable[[], Awaitable[Outcome]]:
        return wait(self._registry.find(reference), condition)

    def logs(self, reference: str, selection: Selection, *, timestamps: bool, details: bool) -> AsyncIterator[bytes]:
        container = self._registry.find(reference)
        check_logs(container)
        return read_logs(self._environment, container, selection, timestamps=timestamps, details=details)

    async def create_exec(self, reference: str, config: ExecConfig) -> str:
        return (await exec_process.create_exec(self._environment, self._registry.find(reference), config)).id

    def inspect_exec(self, exec_id: str) -> dict[str, Any]:
        return dict(self._registry.find_exec(exec_id).document())

    async def start_exec_detached(self, exec_id: str, request: ExecStart) -> None:
        one = self._registry.find_exec(exec_id)
        await exec_process.start_exec(self._environment, self._registry.find(one.container_id), one, request)

    def prepare_exec(self, exec_id: str, request: ExecStart) -> Callable[[ClientStream], Awaitable[None]]:
        one = self._registry.find_exec(exec_id)
        container = self._registry.find(one.container_id)
        exec_process.check_running(container)
        exec_process.check_startable(one)

        async def serve(client: ClientStream) -> None:
            await exec_process.attach_exec(self._environment, container, one, client, request)

        return serve

    async def resize_exec(self, exec_id: str, height: int, width: int) -> None:
        await resize_exec(self._environment, self._registry.find_exec(exec_id), height, width)

    def stats(self, reference: str, *, stream: bool, one_shot: bool) -> AsyncIterator[dict[str, Any]]:
        return stats(self._environment, self._registry.find(reference), stream=stream, one_shot=one_shot)
