"""Execs after a break: those of an earlier dockerd get an owner again, and ends that nobody told are found."""

import asyncio
import os
from contextlib import suppress
from typing import Final

from slipway.base.errors import EngineError, NotFound
from slipway.base.identifiers import is_full_id
from slipway.contracts.engine_api.execs import ExecConfig
from slipway.dockerd.containers.container import Container
from slipway.dockerd.containers.environment import ContainerEnvironment
from slipway.dockerd.containers.execs.exec_process import exec_exited, exec_plan
from slipway.dockerd.containers.execs.model import Exec

LOOK_SECONDS: Final = 5.0  # for a shim to say how its exec is; as long as the one that asks for containers
STATUS_UNKNOWN: Final = 255  # as the original's for a process that nobody can tell about
_STDOUT: Final = "-stdout"


async def adopt_execs(environment: ContainerEnvironment, container: Container) -> None:
    """Read on from the execs that the fifos of an earlier dockerd name: unread, they would stall; ended, stay for ever.

    Who was attached has gone with that dockerd. What was asked for is not known any more but for the streams.
    """
    folder = environment.run_folder(container.id)
    names = set(await asyncio.to_thread(_names, folder))
    for name in names:
        exec_id = name.removesuffix(_STDOUT)
        if name.endswith(_STDOUT) and is_full_id(exec_id):
            config = ExecConfig(attach_stdin=f"{exec_id}-stdin" in names, tty=f"{exec_id}-stderr" not in names)
            _adopt(environment, container, Exec(exec_id, container.id, config, b"", environment.logs.streams()))
    await look_at_execs(environment, container)


async def look_at_execs(environment: ContainerEnvironment, container: Container) -> None:
    """Take the ends of execs that came while no event did. A shim that does not answer changes nothing."""
    running = [one for one in container.execs.values() if one.running]
    await asyncio.gather(*(_look_at(environment, container, one) for one in running))


def _adopt(environment: ContainerEnvironment, container: Container, one: Exec) -> None:
    one.started = one.running = True
    with suppress(FileNotFoundError):
        one.streams.reopen(exec_plan(environment, one), None)
    container.execs[one.id] = one
    environment.registry.add_exec(one)


async def _look_at(environment: ContainerEnvironment, container: Container, one: Exec) -> None:
    try:
        status = await environment.containerd.tasks.get(container.id, one.id, timeout=LOOK_SECONDS)
    except NotFound:
        await exec_exited(environment, container, one, STATUS_UNKNOWN)
        return
    except EngineError:
        return
    one.pid = status.pid
    if status.status == "stopped":
        await exec_exited(environment, container, one, status.exit_status)
    elif status.status == "created":  # its start broke off
        await exec_exited(environment, container, one, STATUS_UNKNOWN)


def _names(folder: str) -> list[str]:
    with suppress(FileNotFoundError):
        return os.listdir(folder)
    return []
