"""The monitor: looks at every container with restart labels, again and again, and does what they ask."""

import asyncio
import json
import logging
import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from slipway.base.errors import EngineError, InvalidArgument
from slipway.base.exhaustion import is_exhausted
from slipway.containerd.containers.model import Container
from slipway.containerd.metadata.model import Scope
from slipway.containerd.restarts.interface import ContainerRecords, TaskLives
from slipway.containerd.restarts.policy import (
    COUNT_LABEL,
    LOG_LABEL,
    STATUS_LABEL,
    Action,
    action_for,
    check_log_uri,
    count_from_labels,
)
from slipway.containerd.snapshots.interface import Snapshotter, snapshotter_named
from slipway.containerd.tasks.model import TaskRequest, TaskStatus
from slipway.contracts.containerd_api.types import Mount

log = logging.getLogger(__name__)

# The original's default, plugins."io.containerd.monitor.container.v1.restart".interval.
INTERVAL_SECONDS: Final = 10.0
AT_ONCE: Final = 8
ACT_SECONDS: Final = 30.0  # for one container


class RestartMonitor:
    """`interval` is the rest between two looks, in seconds; 0 means the default."""

    def __init__(
        self,
        *,
        containers: ContainerRecords,
        tasks: TaskLives,
        snapshotters: Mapping[str, Snapshotter],
        interval: float = INTERVAL_SECONDS,
    ) -> None:
        self._containers = containers
        self._tasks = tasks
        self._snapshotters = snapshotters
        self._interval = interval or INTERVAL_SECONDS
        self._room = asyncio.Semaphore(AT_ONCE)
        # Tasks that were created and not started at the last look, with their processes: somebody may be about to.
        self._created: dict[tuple[str, str], int] = {}

    async def run(self) -> None:
        """Look and act, at once and after every rest, until cancelled."""
        while True:
            try:
                await self.look()
            except Exception:  # the edge of a background job: the next look does what this one could not
                log.exception("look for containers to restart failed")
            await asyncio.sleep(self._interval)

    async def look(self) -> None:
        """One look at all namespaces; returns when all that it asked for is done."""
        before, self._created = self._created, {}
        async with asyncio.TaskGroup() as group:
            for scope, container in await asyncio.to_thread(self._containers.labelled, STATUS_LABEL):
                group.create_task(self._tend(scope, container, before))

    async def _tend(self, scope: Scope, container: Container, before: Mapping[tuple[str, str], int]) -> None:
        fields = {"namespace": scope.namespace, "id": container.id}
        async with self._room:
            try:
                async with asyncio.timeout(ACT_SECONDS):
                    await self._act(scope, container, before)
            except TimeoutError:  # one process that cannot be killed keeps no other container from being restarted
                log.warning("restart failed: it has taken %g s", ACT_SECONDS, extra={"fields": fields})
            except (EngineError, OSError) as error:
                log.warning("restart failed: %s", error, extra={"fields": fields})
            except Exception as error:  # its own container's, and nobody else's
                if not is_exhausted(error):
                    log.exception("restart failed", extra={"fields": fields})

    async def _act(self, scope: Scope, container: Container, before: Mapping[tuple[str, str], int]) -> None:
        status = await self._tasks.status(scope, container.id)
        action = action_for(container.labels, status)
        if action is Action.NOTHING or self._is_being_started(scope, container, status, before):
            return
        if action is Action.START:
            request = await asyncio.to_thread(self._request, scope, container)
            await self._count(scope, container)
        await self._tasks.end(scope, container.id)
        if action is Action.START:
            await self._tasks.begin(scope, container.id, request)
            log.info("restarted", extra={"fields": {"namespace": scope.namespace, "id": container.id}})

    def _is_being_started(
        self, scope: Scope, container: Container, status: TaskStatus | None, before: Mapping[tuple[str, str], int]
    ) -> bool:
        """Whether a task is created and not started, and was not so at the last look: its client may be at it."""
        if status is None or status.name != "created":
            return False
        key = scope.namespace, container.id
        self._created[key] = status.pid
        return before.get(key) != status.pid

    async def _count(self, scope: Scope, container: Container) -> None:
        """Before the start, as the original: one that cannot be started is counted, too."""
        count = {COUNT_LABEL: str(_count_or_none(container.labels) + 1)}
        changed = replace(container, labels=count)
        await asyncio.to_thread(self._containers.update, scope, changed, [f"labels.{COUNT_LABEL}"])

    def _request(self, scope: Scope, container: Container) -> TaskRequest:
        """As the original's client makes it: the container's snapshot, its own runtime options, and where it logs to.

        Raises InvalidArgument for a log that cannot be; nothing is changed then.
        """
        uri = container.labels.get(LOG_LABEL, "")
        path = check_log_uri(uri)
        if uri.startswith("binary://") and not os.access(path, os.X_OK):
            raise InvalidArgument(f"{LOG_LABEL} {uri!r}: {path} is no program")
        terminal = _wants_terminal(container.spec.value)
        return TaskRequest(
            rootfs=self._mounts(scope, container), stdout=uri, stderr="" if terminal else uri, terminal=terminal
        )

    def _mounts(self, scope: Scope, container: Container) -> tuple[Mount, ...]:
        if not container.snapshot_key:
            return ()
        return snapshotter_named(self._snapshotters, container.snapshotter).mounts(scope, container.snapshot_key)


def _count_or_none(labels: Mapping[str, str]) -> int:
    try:
        return count_from_labels(labels)
    except InvalidArgument:
        return 0


def _wants_terminal(specification: bytes) -> bool:
    """Raises InvalidArgument for what is no specification."""
    try:
        process = json.loads(specification).get("process") or {}
        return bool(process.get("terminal"))
    except (ValueError, AttributeError) as error:
        raise InvalidArgument(f"decode the container's specification: {error}") from error
