"""-p [ip:][host:]container[/protocol], ranges and --expose: ports of the create request. InvalidArgument in the
original's words.
"""

from slipway.base.errors import InvalidArgument
from slipway.docker.options.validation import canonical_address

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

_PROTOCOLS = ("tcp", "udp", "sctp")
_LAST_PORT = 65535


def parse_ports(publish: "Iterable[str]", expose: "Iterable[str]") -> "tuple[dict[str, Any], dict[str, Any]]":
    """(ExposedPorts, PortBindings)."""
    exposed: dict[str, Any] = {}
    bindings: dict[str, Any] = {}
    for text in publish:
        for port, binding in _published(_standard_notation(text)):
            exposed[port] = {}
            bindings.setdefault(port, []).append(binding)
    for text in expose:
        for port in _exposed(text):
            exposed.setdefault(port, {})
    return exposed, bindings


def _standard_notation(text: str) -> str:
    """`published=80,target=8080,protocol=tcp` as `80:8080/tcp`."""
    if "=" not in text:
        return text
    parameters = {"protocol": "tcp"}
    for part in text.split(","):
        key, equals, value = part.partition("=")
        if not equals or not key:
            raise InvalidArgument(f"invalid publish opts format (should be name=value but got '{part}')")
        parameters[key] = value
    return f"{parameters.get('published', '')}:{parameters.get('target', '')}/{parameters['protocol']}"


def _published(text: str) -> "list[tuple[str, dict[str, str]]]":
    body, slash, protocol = text.partition("/")
    if slash and not protocol:
        protocol = "tcp"
    address, host, container = _split(body)
    address = _bare_address(address)
    if not container:
        raise InvalidArgument(f"no port specified: {text}<empty>")
    first, last = _range(container, "invalid containerPort: " + container)
    host_first, host_last = _range(host, "invalid hostPort: " + host) if host else (0, 0)
    if host and last - first != host_last - host_first and last != first:
        raise InvalidArgument(f"invalid ranges specified for container and host Ports: {container} and {host}")
    protocol = (protocol or "tcp").lower()
    if protocol not in _PROTOCOLS:
        raise InvalidArgument(f"invalid proto: {protocol}")
    found = []
    for offset in range(last - first + 1):
        host_port = str(host_first + offset) if host else ""
        if host and first == last and host_first != host_last:
            host_port = f"{host_first}-{host_last}"  # any free port of the range
        found.append((f"{first + offset}/{protocol}", {"HostIp": address, "HostPort": host_port}))
    return found


def _split(text: str) -> tuple[str, str, str]:
    parts = text.split(":")
    if len(parts) == 1:
        return "", "", parts[0]
    if len(parts) == 2:
        return "", parts[0], parts[1]
    return ":".join(parts[:-2]), parts[-2], parts[-1]


def _bare_address(address: str) -> str:
    if address.startswith("[") and address.endswith("]"):
        address = address[1:-1]
    if address and canonical_address(address) is None:
        raise InvalidArgument(f"invalid IP address: {address}")
    return address


def _range(text: str, message: str) -> tuple[int, int]:
    first, dash, last = text.partition("-")
    start = _port(first, message)
    end = _port(last, message) if dash else start
    if end < start:
        raise InvalidArgument(message)
    return start, end


def _port(text: str, message: str) -> int:
    if not text or not text.isascii() or not text.isdigit() or int(text) > _LAST_PORT:
        raise InvalidArgument(message)
    return int(text)


def _exposed(text: str) -> list[str]:
    if ":" in text:
        raise InvalidArgument(f"invalid port format for --expose: {text}")
    body, slash, protocol = text.partition("/")
    if not body:
        raise InvalidArgument(f"invalid range format for --expose: {text}, error: empty string specified for ports")
    first, dash, last = body.partition("-")
    start = _exposed_port(first, text)
    end = _exposed_port(last, text) if dash else start
    if end < start:
        raise InvalidArgument(
            f"invalid range format for --expose: {text}, error: invalid range specified for port: {body}"
        )
    protocol = protocol if slash and protocol else "tcp"
    return [f"{port}/{protocol}" for port in range(start, end + 1)]


def _exposed_port(text: str, whole: str) -> int:
    if not text or not text.isascii() or not text.isdigit():
        raise InvalidArgument(
            f'invalid range format for --expose: {whole}, error: strconv.ParseUint: parsing "{text}": invalid syntax'
        )
    if int(text) > _LAST_PORT:
        raise InvalidArgument(
            f"invalid range format for --expose: {whole}, error:"
            f' strconv.ParseUint: parsing "{text}": value out of range'
        )
    return int(text)
