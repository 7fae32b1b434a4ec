"""What of containerd runs: sandboxes and tasks, those of an earlier daemon found again before anybody asks for them."""

from contextlib import AsyncExitStack
from dataclasses import dataclass

from slipway.base.clock import Clock
from slipway.clients.shim.interface import ShimLauncher
from slipway.containerd.configuration.model import Settings, TimeoutSettings
from slipway.containerd.containers.store import ContainerStore
from slipway.containerd.events.exchange import Exchange
from slipway.containerd.sandboxes.store import SandboxStore
from slipway.containerd.tasks.bundle import SANDBOX_FOLDER, BundleFolders
from slipway.containerd.tasks.model import TaskTimeouts
from slipway.containerd.tasks.sandbox_places import SandboxPlaces
from slipway.containerd.tasks.sandbox_shims import SandboxShims
from slipway.containerd.tasks.supervisor import TaskSupervisor
from slipway.database.sqlite import SqliteDatabase


@dataclass(frozen=True, kw_only=True, slots=True)
class Running:
    """`containers` and `sandbox_records` are what `tasks` and `sandboxes` are made of."""

    containers: ContainerStore
    tasks: TaskSupervisor
    timeouts: TaskTimeouts
    sandbox_records: SandboxStore
    sandboxes: SandboxShims


async def recover_running(
    stack: AsyncExitStack,
    settings: Settings,
    launcher: ShimLauncher,
    database: SqliteDatabase,
    exchange: Exchange,
    clock: Clock,
) -> Running:
    """`stack` lets go of the shims. Those of an earlier daemon are found again when this returns."""
    sandbox_records = SandboxStore(database, clock)
    sandboxes = SandboxShims(
        launcher=launcher,
        bundles=BundleFolders(settings.state, settings.root, SANDBOX_FOLDER),
        records=sandbox_records,
        events=exchange,
        clock=clock,
        address=settings.grpc.address,
    )
    stack.push_async_callback(sandboxes.close)
    await sandboxes.recover()
    containers, timeouts = ContainerStore(database, exchange, clock), _timeouts(settings.timeouts)
    tasks = TaskSupervisor(
        launcher=launcher,
        bundles=BundleFolders(settings.state, settings.root),
        containers=containers,
        sandboxes=SandboxPlaces(sandbox_records, sandboxes),
        events=exchange,
        clock=clock,
        address=settings.grpc.address,
        timeouts=timeouts,
    )
    stack.push_async_callback(tasks.close)
    await tasks.recover()
    return Running(
        containers=containers, tasks=tasks, timeouts=timeouts, sandbox_records=sandbox_records, sandboxes=sandboxes
    )


def _timeouts(timeouts: TimeoutSettings) -> TaskTimeouts:
    return TaskTimeouts(
        connect=timeouts.shim_load.seconds or None,
        shutdown=timeouts.shim_shutdown.seconds or None,
        state=timeouts.task_state.seconds or None,
        stats=timeouts.shim_stats.seconds or None,
    )
