"""`docker update`: other limits and another restart policy, also while it runs."""

import asyncio
import os
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import orjson

from slipway.base.errors import FailedPrecondition
from slipway.contracts.engine_api.host_config import HostConfig, Resources
from slipway.dockerd.containers.announce import announce
from slipway.dockerd.containers.container import Container
from slipway.dockerd.containers.environment import ContainerEnvironment
from slipway.dockerd.containers.files.devices import block_device_numbers
from slipway.dockerd.containers.request.validation import check_host_config
from slipway.dockerd.containers.spec.resources import resource_limits


async def update(environment: ContainerEnvironment, container: Container, asked: HostConfig) -> None:
    """Change what `asked` names (a value that is not empty). Raises InvalidArgument, FailedPrecondition."""
    async with container.lock:
        if container.is_removing or container.removed.is_set():
            raise FailedPrecondition('Container is marked for removal and cannot be "update".')
        host_config = changed_host_config(container.record.host_config, asked)
        check_host_config(host_config, environment.settings.runtimes, os.sched_getaffinity(0))
        if container.state.is_running:
            document = await asyncio.to_thread(_resources, host_config)
            await environment.containerd.tasks.update(container.id, document)
        record = replace(container.record, host_config=host_config)
        await asyncio.to_thread(environment.store.save_record, record)
        container.record = record
    announce(environment, container, "update")


def changed_host_config(old: HostConfig, asked: HostConfig) -> HostConfig:
    """What is not empty in `asked` replaces what was. Pure."""
    changes: Mapping[str, Any] = {
        each.name: value for each in fields(Resources) if (value := getattr(asked, each.name)) not in (0, "", None, ())
    }
    if asked.restart_policy.name:
        if old.auto_remove and asked.restart_policy.name != "no":
            raise FailedPrecondition("Restart policy cannot be updated because AutoRemove is enabled for the container")
        changes = {**changes, "restart_policy": asked.restart_policy}
    return replace(old, **changes)


def _resources(host_config: HostConfig) -> bytes:
    return orjson.dumps(resource_limits(host_config, block_device_numbers(host_config)))
