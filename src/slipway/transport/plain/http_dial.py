"""Opens the sockets under a plain HTTP connection: unix paths, and TCP with or without TLS."""

import _socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.transport.plain.http import Socket
    from slipway.transport.plain.http_tls import TlsFiles


def dial_unix(path: str) -> "Socket":
    """Connect to the socket file at `path`. Raises OSError."""
    socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        socket.connect(path)
    except BaseException:
        socket.close()
        raise
    return socket


def dial_tcp(host: str, port: int, tls: "TlsFiles | None") -> "Socket":
    """Connect to the first address of `host` that answers. Raises OSError; of several failures, the last."""
    failure: OSError = OSError(f"no address for {host}")
    for family, kind, protocol, _, address in _socket.getaddrinfo(host, port, 0, _socket.SOCK_STREAM):
        socket = _socket.socket(family, kind, protocol)
        try:
            socket.connect(address)
            socket.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
        except OSError as error:
            socket.close()
            failure = error
            continue
        if tls is None:
            return socket
        from slipway.transport.plain.http_tls import wrap

        return wrap(socket.detach(), host, tls)
    raise failure
