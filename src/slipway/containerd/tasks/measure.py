"""What all tasks use, asked of their shims side by side."""

import asyncio
import logging
from collections.abc import Iterable

from slipway.base.errors import EngineError
from slipway.clients.shim.names import DEFAULT_RUNTIME
from slipway.containerd.containers.model import TypedValue
from slipway.containerd.tasks.model import TaskStats
from slipway.containerd.tasks.shim import RunningShim
from slipway.contracts.shim_api import messages as task

log = logging.getLogger(__name__)


async def measure(shims: Iterable[RunningShim], seconds: float | None) -> list[TaskStats]:
    """The counters of every task, but for those that cannot be measured any more, or not within `seconds`."""
    measured = await asyncio.gather(*(_measure(shim, seconds) for shim in shims))
    return [stats for stats in measured if stats is not None]


async def _measure(shim: RunningShim, seconds: float | None) -> TaskStats | None:
    try:
        stats = await shim.prompt(shim.client.stats(task.TaskRequest(id=shim.id)), seconds)
    except TimeoutError:
        return None
    except EngineError as error:
        log.debug("a task cannot be measured", extra={"fields": {"id": shim.id, "error": error}})
        return None
    if stats is None:
        return None
    typed = TypedValue(stats.type_url, stats.value)
    return TaskStats(namespace=shim.namespace, id=shim.id, runtime=shim.request.runtime or DEFAULT_RUNTIME, stats=typed)
