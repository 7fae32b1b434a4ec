"""The HTTP client of everything that leaves the machine: how long it waits, what it calls itself, what it logs.

httpx is imported at the first call only: it adds 10 MB to a daemon that may never ask anybody.
"""

import logging
import ssl
from importlib import import_module
from typing import TYPE_CHECKING, Final

from slipway.base.version import VERSION

if TYPE_CHECKING:
    import httpx

_CONNECT_SECONDS: Final = 10.0
_READ_SECONDS: Final = 60.0  # for the next bytes, not for all of them


def make_http_client(
    *,
    verify: ssl.SSLContext | bool = True,
    connect_seconds: float = _CONNECT_SECONDS,
    read_seconds: float = _READ_SECONDS,
) -> "httpx.AsyncClient":
    """Follows no redirect unless told to at a request. `verify` False is for what has no TLS at all.

    `read_seconds` is the longest silence while something is awaited.

    Takes 80 ms and more: the imports, and the certificates that are trusted.
    """
    import httpx

    import_module("anyio._backends._asyncio")  # else at the first request, which holds up the event loop for 30 ms
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it tells of every request at level info
    return httpx.AsyncClient(
        verify=verify,
        timeout=httpx.Timeout(read_seconds, connect=connect_seconds),
        headers={"User-Agent": f"slipway/{VERSION}"},
    )
