"""Why a request got no answer, in the words of the originals (Go's net package). Pure."""

import socket
import ssl
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import httpx

_TLS: Final = {
    "WRONG_VERSION_NUMBER": "http: server gave HTTP response to HTTPS client",
    "HTTP_REQUEST": "http: server gave HTTP response to HTTPS client",
}
# Of OpenSSL's x509_vfy.h: self-signed (alone, in a chain), no issuer, cannot be followed to an authority; expired.
_X509: Final = {
    **dict.fromkeys((18, 19, 20, 21), "certificate signed by unknown authority"),
    **dict.fromkeys((9, 10), "certificate has expired or is not yet valid"),
}


def cause_of(error: BaseException, url: "httpx.URL") -> str:
    """`dial tcp 192.0.2.1:443: connect: connection refused`, from what lies at the bottom of httpx's error."""
    place = f"{url.host}:{url.port or (443 if url.scheme == 'https' else 80)}"
    for each in _chain(error):
        if isinstance(each, ssl.SSLCertVerificationError):
            return f"tls: failed to verify certificate: x509: {_X509.get(each.verify_code, each.verify_message)}"
        if isinstance(each, ssl.SSLError):
            return _TLS.get(each.reason or "", f"tls: {each.reason or each}")
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
