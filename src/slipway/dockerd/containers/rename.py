"""`docker rename`."""

import asyncio
from dataclasses import replace

from slipway.base.errors import AlreadyExists, InvalidArgument
from slipway.base.identifiers import check_container_name
from slipway.dockerd.containers.announce import announce
from slipway.dockerd.containers.container import Container
from slipway.dockerd.containers.environment import ContainerEnvironment


async def rename(environment: ContainerEnvironment, container: Container, name: str) -> None:
    """Raises InvalidArgument, AlreadyExists. A crash leaves the old name or the new one."""
    name = name.removeprefix("/")
    if not name:
        raise InvalidArgument("Neither old nor new names may be empty")
    check_container_name(name)
    async with container.lock:
        old = container.name
        if old == name:
            raise InvalidArgument("Renaming a container with the same name as its current name")
        try:
            environment.registry.reserve(name, container.id)
        except AlreadyExists as error:
            raise AlreadyExists(f"Error when allocating new name: {error.message}") from error
        record = replace(container.record, name=name)
        try:
            await asyncio.to_thread(environment.store.save_record, record)
        except BaseException:
            environment.registry.release(name)
            raise
        container.record = record
        environment.registry.release(old)
    announce(environment, container, "rename", oldName=f"/{old}")
