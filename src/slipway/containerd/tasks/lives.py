"""Whole lives of tasks, for who wants no single step of them. See restarts/interface.TaskLives."""

import asyncio
from typing import Final

from slipway.base.errors import Cancelled, EngineError, NotFound, Unavailable
from slipway.containerd.metadata.model import Scope
from slipway.containerd.tasks.model import TaskRequest, TaskStatus
from slipway.containerd.tasks.supervisor import TaskSupervisor
from slipway.contracts.shim_api import messages as task

STATE_SECONDS: Final = 2.0  # the original's io.containerd.timeout.task.state
_KILL: Final = 9


class TaskLives:
    def __init__(self, tasks: TaskSupervisor) -> None:
        self._tasks = tasks

    async def status(self, scope: Scope, container_id: str) -> TaskStatus | None:
        try:
            shim = self._tasks.get(scope, container_id)
            async with asyncio.timeout(STATE_SECONDS):
                state = await shim.client.state(task.ProcessRequest(id=container_id))
        except (NotFound, Unavailable):
            return None
        except TimeoutError:
            raise Cancelled(f"ask for the state of {container_id}: no answer within {STATE_SECONDS:g} s") from None
        return TaskStatus(pid=state.pid, name=task.STATUS_NAMES[state.status], exit_status=state.exit_status)

    async def begin(self, scope: Scope, container_id: str, request: TaskRequest) -> None:
        await self._tasks.create(scope, container_id, request)
        try:
            await self._tasks.get(scope, container_id).client.start(task.ProcessRequest(id=container_id))
        except EngineError:
            await self.end(scope, container_id)
            raise

    async def end(self, scope: Scope, container_id: str) -> None:
        """A shim that goes meanwhile takes its task with it."""
        try:
            shim = self._tasks.get(scope, container_id)
            process = task.ProcessRequest(id=container_id)
            try:
                await shim.client.kill(task.KillRequest(id=container_id, signal=_KILL, all=True))
                await shim.client.wait(process)
            except Unavailable:
                if not shim.is_leaving:
                    await shim.end
                return
            except EngineError:
                pass  # it has ended already; if not, it cannot be deleted
            await self._tasks.delete(scope, container_id)
        except NotFound:
            return
