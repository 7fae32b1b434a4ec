"""/debug over HTTP, for `ctr pprof goroutines` and for curl: counters, the command line, and stacks."""

import asyncio
import gc
import json
import resource
import sys

from slipway.service.stacks import stacks_of
from slipway.transport.aio.http_messages import Request, Response

_PLAIN = {"Content-Type": "text/plain; charset=utf-8"}
_NO_PROFILES = "404 page not found: of the original's profiles there is goroutine, the stacks of threads and tasks\n"


class DebugEndpoint:
    """To be made on the event loop that it tells of."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()

    async def answer(self, request: Request) -> Response:
        match request.target.partition(b"?")[0]:
            case b"/debug/vars":
                body = await asyncio.to_thread(_variables)
                return Response(headers={"Content-Type": "application/json; charset=utf-8"}, body=body)
            case b"/debug/pprof/cmdline":
                return Response(headers=_PLAIN, body="\0".join(sys.argv).encode())
            case b"/debug/pprof/goroutine":
                return Response(headers=_PLAIN, body=(await asyncio.to_thread(stacks_of, self._loop)).encode())
        return Response(status=404, headers=_PLAIN, body=_NO_PROFILES.encode())


def _variables() -> bytes:
    """As Go's expvar: cmdline and memstats, the latter in what Python knows."""
    with open("/proc/self/statm", "rb") as file:
        resident = int(file.read().split()[1]) * resource.getpagesize()
    memory = {"ResidentBytes": resident, "Collections": [one["collections"] for one in gc.get_stats()]}
    return json.dumps({"cmdline": sys.argv, "memstats": memory}).encode() + b"\n"
