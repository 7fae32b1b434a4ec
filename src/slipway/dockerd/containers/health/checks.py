"""Probes a running container again and again, by execs, and keeps what they say."""

import asyncio
from contextlib import suppress

from slipway.base.durations import go_duration
from slipway.base.errors import EngineError
from slipway.contracts.engine_api.execs import ExecConfig, ExecStart
from slipway.dockerd.containers.announce import announce
from slipway.dockerd.containers.container import Container
from slipway.dockerd.containers.environment import ContainerEnvironment
from slipway.dockerd.containers.execs.exec_process import create_exec, start_exec
from slipway.dockerd.containers.execs.model import Exec
from slipway.dockerd.containers.health.decide import (
    OUTPUT_KEPT,
    SECOND,
    ProbePlan,
    ProbeResult,
    after_probe,
    at_end,
    at_start,
    probe_plan,
    status_of,
    until_next_probe,
)
from slipway.dockerd.containers.lifecycle import Status
from slipway.dockerd.containers.save_state import save_state

SIGKILL = 9


def start_health_checks(environment: ContainerEnvironment, container: Container) -> None:
    """Begin to watch a container that runs: it has just been started, or this daemon has just found it."""
    plan = probe_plan(container.record.config)
    container.note(health=at_start(plan, container.state.health))
    if plan is not None:
        container.health_task = environment.background.run(
            _watch(environment, container, plan), f"health of {container.id}"
        )


def end_health_checks(container: Container) -> None:
    """Its process has ended. Idempotent."""
    if container.health_task is not None:
        container.health_task.cancel()
        container.health_task = None
    container.note(health=at_end(container.state.health))


async def _watch(environment: ContainerEnvironment, container: Container, plan: ProbePlan) -> None:
    """Until it is cancelled. A paused container is not asked."""
    while True:
        since_start = environment.clock.now() - container.state.started_at
        await asyncio.sleep(until_next_probe(plan, container.state.health, since_start=since_start) / SECOND)
        await container.wait_changed((Status.RUNNING,))
        if container.removed.is_set():
            return
        since_start = environment.clock.now() - container.state.started_at
        result = await _probe(environment, container, plan)
        before = status_of(container.state.health)
        container.note(health=after_probe(plan, container.state.health, result, since_start=since_start))
        after = status_of(container.state.health)
        if after != before:
            announce(environment, container, f"health_status: {after}")
            await save_state(environment, container)


async def _probe(environment: ContainerEnvironment, container: Container, plan: ProbePlan) -> ProbeResult:
    started = environment.clock.now()
    output = bytearray()
    try:
        exit_code = await _run(environment, container, plan, output)
        text = output.decode("utf-8", "replace")
    except TimeoutError:
        exit_code, text = -1, f"Health check exceeded timeout ({go_duration(plan.timeout)})"
        if output:
            text += f": {output.decode('utf-8', 'replace')}"
    except EngineError as error:
        exit_code, text = -1, error.message
    return ProbeResult(started=started, ended=environment.clock.now(), exit_code=exit_code, output=text)


async def _run(environment: ContainerEnvironment, container: Container, plan: ProbePlan, output: bytearray) -> int:
    """The exit code; what the probe wrote goes to `output`. Raises TimeoutError, with the probe killed, EngineError.

    It does not return before the probe has ended: those that take too long must not pile up.
    """
    config = ExecConfig(cmd=plan.command, attach_stdout=True, attach_stderr=True)
    one = await create_exec(environment, container, config)
    subscriber = one.streams.subscribe(frozenset(("stdout", "stderr")))
    # Cut off half-way, it would leave a process that nobody knows of, its streams and their descriptors.
    starting = asyncio.ensure_future(_started(environment, container, one))
    environment.background.run(_waited_for(starting), f"start of probe {one.id}")
    try:
        async with asyncio.timeout(plan.timeout / SECOND):
            if (failure := await asyncio.shield(starting)) is not None:
                raise failure
            while chunks := await subscriber.read():
                for _, data in chunks:
                    output += data[: OUTPUT_KEPT - len(output)]
            await one.ended.wait()
    except TimeoutError:
        one.streams.unsubscribe(subscriber)  # what is not read any more must not hold up its end
        if await asyncio.shield(starting) is None:
            await _kill(environment, container, one)
            await one.ended.wait()
        raise
    finally:
        one.streams.unsubscribe(subscriber)
    return -1 if one.exit_code is None else one.exit_code


async def _started(environment: ContainerEnvironment, container: Container, one: Exec) -> EngineError | None:
    """Why it could not be started."""
    try:
        await start_exec(environment, container, one, ExecStart(detach=True))
    except EngineError as error:
        return error
    return None


async def _waited_for(starting: "asyncio.Future[EngineError | None]") -> None:
    await starting


async def _kill(environment: ContainerEnvironment, container: Container, one: Exec) -> None:
    with suppress(EngineError):  # it has just ended
        await environment.containerd.tasks.kill(container.id, SIGKILL, exec_id=one.id)
