"""Why a request got no answer, in the words of the originals (Go's net package). Pure."""

import socket
import ssl
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx


def cause_of(error: BaseException, url: "httpx.URL") -> str:
    """`dial tcp 192.0.2.1:443: connect: connection refused`, from what lies at the bottom of httpx's error."""
    place = f"{url.host}:{url.port or (443 if url.scheme == 'https' else 80)}"
    for each in _chain(error):
        if isinstance(each, ssl.SSLError):
            return f"tls: {each.reason or each}"
        if isinstance(each, socket.gaierror):
            return f"dial tcp: lookup {url.host}: {_words(each)}"
        if isinstance(each, OSError) and not isinstance(each, TimeoutError) and each.strerror:
            return f"dial tcp {place}: connect: {_words(each)}"
    if "Timeout" in type(error).__name__:
        return f"dial tcp {place}: i/o timeout"
    return str(error) or type(error).__name__


def _words(error: OSError) -> str:
    reason = error.strerror or ""
    return reason[:1].lower() + reason[1:]


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error, what caused it, and the parts of groups: connecting tries several addresses."""
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for part in error.exceptions:
                yield from _chain(part)
        error = error.__cause__ or error.__context__
