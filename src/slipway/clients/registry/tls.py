"""What a host is asked with over TLS: whom we trust, and by which certificates we show who we are."""

import ssl
from functools import cache

from slipway.base.errors import InvalidArgument
from slipway.clients.registry.model import Host


def tls_context(host: Host) -> ssl.SSLContext:
    """Also for a host in clear, which may redirect to TLS. Reads files; raises InvalidArgument naming the one at fault.

    Of several identities with keys of one kind OpenSSL shows the last that it was given: the first one named wins.
    """
    if host.verify and not host.authorities and not host.identities:
        return _usual_context()
    if host.verify:
        context = ssl.create_default_context()
    else:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    for path in host.authorities:
        try:
            context.load_verify_locations(path)
        except OSError as error:  # ssl.SSLError is one
            raise InvalidArgument(f"unable to load CA cert {path!r}: {_cause(error)}") from error
    for certificate, key in reversed(host.identities):
        try:
            context.load_cert_chain(certificate, key or None, password=_no_password)
        except (OSError, ValueError) as error:
            pair = f"{certificate!r} and {key!r}" if key else repr(certificate)
            raise InvalidArgument(f"unable to load the client certificate of {pair}: {_cause(error)}") from error
    return context


@cache
def _usual_context() -> ssl.SSLContext:
    """The system's authorities as they were at the first pull, as in the original; reading them takes 20 ms."""
    return ssl.create_default_context()


def _no_password() -> str:
    """OpenSSL would ask on the daemon's terminal."""
    raise ValueError("the key has a password")


def _cause(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or str(error)).lower().replace("_", " ")
    return (error.strerror or str(error)).lower() if isinstance(error, OSError) else str(error)
