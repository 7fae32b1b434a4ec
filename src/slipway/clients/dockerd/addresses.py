"""Where a daemon listens: `unix:///path`, `tcp://host:port`, or `ssh://...` (refused with a sentence)."""

from slipway.base.errors import InvalidArgument, NotImplementedByEngine

DEFAULT_ADDRESS = "unix:///var/run/docker.sock"
_PLAIN_PORT, _TLS_PORT = 2375, 2376


class Address:
    """A parsed daemon address. `text` is what people are shown; for unix `path` is set, for tcp `host`, `port`,
    `prefix`.
    """

    __slots__ = ("host", "path", "port", "prefix", "text")

    def __init__(self, text: str, *, path: str = "", host: str = "", port: int = 0, prefix: str = "") -> None:
        self.text = text
        self.path = path
        self.host = host
        self.port = port
        self.prefix = prefix


def address_from_text(text: str, *, default_to_tls: bool = False) -> Address:
    """Read a -H value; "" is the default. Without a scheme it is tcp, as with the original. Raises InvalidArgument."""
    text = text.strip() or (f"tcp://localhost:{_TLS_PORT}" if default_to_tls else DEFAULT_ADDRESS)
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "tcp", text
    if scheme == "unix":
        if "://" in rest:
            raise InvalidArgument(f"invalid proto, expected unix: {rest}")
        path = rest or "/var/run/docker.sock"
        return Address(f"unix://{path}", path=path)
    if scheme == "tcp":
        return _tcp_address(rest, default_to_tls)
    if scheme == "ssh":
        raise NotImplementedByEngine(
            f"connecting through {scheme}:// is not supported yet", "forward the socket with ssh -L"
        )
    raise InvalidArgument(f"invalid bind address format: {text}")


def _tcp_address(rest: str, default_to_tls: bool) -> Address:
    authority, slash, prefix = rest.partition("/")
    default_port = _TLS_PORT if default_to_tls else _PLAIN_PORT
    host, port = _split_host_port(authority, default_port)
    prefix = (slash + prefix).rstrip("/")
    shown = f"[{host}]" if ":" in host else host
    return Address(f"tcp://{shown}:{port}{prefix}", host=host, port=port, prefix=prefix)


def _split_host_port(authority: str, default_port: int) -> tuple[str, int]:
    if authority.startswith("["):
        host, bracket, tail = authority[1:].partition("]")
        if not bracket or (tail and not tail.startswith(":")):
            raise InvalidArgument(f"invalid bind address format: {authority}")
        port = tail[1:]
    else:
        host, _, port = authority.partition(":")
    if port and not (port.isascii() and port.isdigit() and int(port) < 65536):
        raise InvalidArgument(f"invalid bind address format: {authority}")
    return host or "localhost", int(port) if port else default_port
