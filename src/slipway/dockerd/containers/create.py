"""`docker create`: check, complete, prepare a snapshot, write it down. No process, no network yet."""

import asyncio
import os
import secrets
from collections.abc import Mapping
from contextlib import AsyncExitStack, ExitStack, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from slipway.base.errors import EngineError, InternalError, InvalidArgument, NotFound
from slipway.base.identifiers import check_container_name
from slipway.contracts.containerd_api.types import Mount, Platform
from slipway.contracts.engine_api.container_config import ContainerConfig
from slipway.contracts.engine_api.host_config import HostConfig
from slipway.contracts.engine_api.networks import EndpointSettings
from slipway.dockerd.containers.announce import announce
from slipway.dockerd.containers.concurrently import concurrently
from slipway.dockerd.containers.connect import linked_container
from slipway.dockerd.containers.container import Container
from slipway.dockerd.containers.environment import ContainerEnvironment
from slipway.dockerd.containers.files.fill_volumes import fill_volumes
from slipway.dockerd.containers.files.make_mounts import make_mount_points
from slipway.dockerd.containers.files.mount_points import wanted_mounts
from slipway.dockerd.containers.files.own_files import add_own_files
from slipway.dockerd.containers.files.volumes_from import joined_mount_points, mounts_of_others
from slipway.dockerd.containers.model import ContainerRecord, ContainerState, ImageManifest
from slipway.dockerd.containers.prepare_snapshot import prepare_snapshot
from slipway.dockerd.containers.request.absent_limits import without_absent_limits
from slipway.dockerd.containers.request.defaults import completed_host_config
from slipway.dockerd.containers.request.merge import command_line, merged_config
from slipway.dockerd.containers.request.names import random_name
from slipway.dockerd.containers.request.network_validation import check_networks
from slipway.dockerd.containers.request.validation import check_config, check_host_config
from slipway.dockerd.containers.spec.security import check
from slipway.dockerd.containers.streams.log_files import check_log_options
from slipway.dockerd.images.model import NamedImage


@dataclass(frozen=True, kw_only=True)
class CreateRequest:
    """What the client asked for. `name` may be empty."""

    config: ContainerConfig
    host_config: HostConfig = field(default_factory=HostConfig)
    networks: Mapping[str, EndpointSettings] = field(default_factory=dict)
    name: str = ""
    platform: Platform | None = None  # the image's must be this one


async def create(environment: ContainerEnvironment, request: CreateRequest) -> tuple[Container, list[str]]:
    """The new container and warnings. Raises InvalidArgument, NotFound (no such image), AlreadyExists (the name).

    On an error nothing is left; a crash leaves a snapshot without container, which the next start removes.
    """
    host_config, warnings = _checked(environment, request)
    others = mounts_of_others(environment.registry, host_config.volumes_from or ())
    image = await environment.images.find_for_container(request.config.image, request.platform)
    config = merged_config(request.config, image.content.config)
    wanted = wanted_mounts(config, host_config, others)
    container_id = secrets.token_hex(32)
    held = ExitStack()  # closes when the container is in the registry, or after all is undone
    async with AsyncExitStack() as undo:
        undo.enter_context(held)
        name = _reserve_name(environment, request.name, container_id, undo)
        record = _record(environment, container_id, name, config, host_config, request, image)
        mounts, mount_points = await concurrently(
            _prepare_snapshot(environment, container_id, image, undo),
            make_mount_points(wanted, environment.volumes, held, undo),
        )
        await fill_volumes(wanted, mount_points, mounts)
        record = replace(record, mount_points=joined_mount_points(mount_points, others))
        container = Container(record, ContainerState(), environment.logs.streams())
        container.mounts, container.has_record = mounts, False
        await asyncio.to_thread(_write_down, environment, container)
        environment.registry.add(container)
        undo.pop_all()
    held.close()
    announce(environment, container, "create")
    return container, [*warnings, *_warnings(host_config)]


def _checked(environment: ContainerEnvironment, request: CreateRequest) -> tuple[HostConfig, list[str]]:
    """The host configuration, completed, and warnings. Raises InvalidArgument for what cannot be."""
    check_config(request.config)
    check_host_config(request.host_config, environment.settings.runtimes, os.sched_getaffinity(0))
    check_networks(request.config, request.host_config, request.networks)
    check(request.host_config, environment.facts)
    asked, warnings = without_absent_limits(request.host_config, environment.facts.absent_limits)
    host_config = completed_host_config(asked, environment.facts, environment.settings.defaults)
    host_config = _shared_by_id(environment, host_config)
    check_log_options(host_config.log_config)
    if host_config.init and not environment.settings.init_path:
        raise InvalidArgument("run with --init: no docker-init, tini or catatonit on PATH", hint="install tini")
    if not request.config.image:
        raise InvalidArgument("invalid reference format")
    for link in host_config.links or ():
        linked_container(environment, link)
    return host_config, warnings


def _write_down(environment: ContainerEnvironment, container: Container) -> None:
    """Blocks on the disk."""
    try:
        add_own_files(container.mounts)
    except OSError as error:
        raise InternalError(f"write into the new snapshot: {error.strerror}: {error.filename}") from error
    environment.store.create(container.record, container.state)


def _reserve_name(environment: ContainerEnvironment, asked: str, container_id: str, undo: AsyncExitStack) -> str:
    name = check_container_name(asked.removeprefix("/")) if asked else random_name(environment.registry.is_name_free)
    environment.registry.reserve(name, container_id)
    undo.callback(environment.registry.release, name)
    return name


async def _prepare_snapshot(
    environment: ContainerEnvironment, container_id: str, image: NamedImage, undo: AsyncExitStack
) -> tuple[Mount, ...]:
    mounts = await prepare_snapshot(environment, container_id, image)
    undo.push_async_callback(_remove_snapshot, environment, container_id)
    return mounts


async def _remove_snapshot(environment: ContainerEnvironment, container_id: str) -> None:
    with suppress(EngineError):
        await environment.containerd.snapshots.remove(container_id)


def _record(
    environment: ContainerEnvironment,
    container_id: str,
    name: str,
    config: ContainerConfig,
    host_config: HostConfig,
    request: CreateRequest,
    image: NamedImage,
) -> ContainerRecord:
    command = command_line(config)
    manifest = image.content.manifest
    document = image.content.document
    platform = {"architecture": document.get("architecture", ""), "os": document.get("os", "")}
    return ContainerRecord(
        id=container_id,
        name=name,
        created=environment.clock.now(),
        image_id=image.content.id,
        image_name=image.names[0] if image.names else "",
        image_manifest=ImageManifest(
            media_type=manifest.media_type, digest=manifest.digest, size=manifest.size, platform=platform
        ),
        path=command[0],
        arguments=command[1:],
        driver=environment.settings.snapshotter,
        config=replace(config, hostname=config.hostname or _hostname(container_id, host_config)),
        host_config=host_config,
        networks=_networks(host_config, request.networks),
    )


def _shared_by_id(environment: ContainerEnvironment, host_config: HostConfig) -> HostConfig:
    """`container:NAME` becomes `container:ID` where there is such a container: names may change."""
    changes: dict[str, Any] = {}
    for field_name in ("network_mode", "ipc_mode", "pid_mode"):
        kind, _, name = str(getattr(host_config, field_name)).partition(":")
        if kind == "container":
            with suppress(NotFound):
                changes[field_name] = f"container:{environment.registry.find(name).id}"
    return replace(host_config, **changes)


def _hostname(container_id: str, host_config: HostConfig) -> str:
    """Who shares the host's network answers under the host's name."""
    return os.uname().nodename if host_config.network_mode == "host" else container_id[:12]


def _networks(host_config: HostConfig, asked: Mapping[str, EndpointSettings]) -> dict[str, EndpointSettings]:
    """Inspect shows the network of a container before its first start, too."""
    mode = host_config.network_mode
    if mode.startswith("container:"):
        return {}
    return {mode: asked.get(mode) or asked.get("default") or EndpointSettings()}


def _warnings(host_config: HostConfig) -> list[str]:
    if host_config.network_mode == "host" and host_config.port_bindings:
        return ["Published ports are discarded when using host network mode"]
    return []
