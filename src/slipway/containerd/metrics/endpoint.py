"""/v1/metrics over HTTP."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from slipway.containerd.metrics.calls import CallCounters
from slipway.containerd.metrics.containers import container_families
from slipway.containerd.metrics.model import Family
from slipway.containerd.metrics.process import process_families
from slipway.containerd.metrics.text import CONTENT_TYPE, text_of
from slipway.containerd.tasks.model import TaskStats
from slipway.transport.aio.http_messages import Request, Response

_PLAIN = {"Content-Type": "text/plain; charset=utf-8"}
Measure = Callable[[], Awaitable[Sequence[TaskStats]]]


class MetricsEndpoint:
    """Answers a request by measuring anew, and all that come meanwhile by the same numbers.

    `measure` gives the containers' numbers and bounds its own time; None: they are not shown.
    """

    def __init__(self, calls: CallCounters, measure: Measure | None) -> None:
        self._calls = calls
        self._measure = measure
        self._measuring: asyncio.Future[Sequence[TaskStats]] | None = None

    async def answer(self, request: Request) -> Response:
        if request.target.partition(b"?")[0] != b"/v1/metrics":
            return Response(status=404, headers=_PLAIN, body=b"404 page not found\n")
        if request.method not in ("GET", "HEAD"):
            return Response(status=405, headers=_PLAIN | {"Allow": "GET, HEAD"}, body=b"Method Not Allowed\n")
        measured = await self._measured()
        text = await asyncio.to_thread(_text, measured, self._calls.families())
        return Response(headers={"Content-Type": CONTENT_TYPE}, body=b"" if request.method == "HEAD" else text)

    async def _measured(self) -> Sequence[TaskStats]:
        """Every shim is asked once, however many visitors there are, and for whom goes another one may have come."""
        if self._measure is None:
            return []
        if self._measuring is None or self._measuring.done():
            self._measuring = asyncio.ensure_future(self._measure())
        return await asyncio.shield(self._measuring)


def _text(measured: Sequence[TaskStats], calls: list[Family]) -> bytes:
    return text_of([*calls, *container_families(measured), *process_families()]).encode()
