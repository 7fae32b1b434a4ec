"""docker port."""

from slipway.base.errors import InvalidArgument, NotFound
from slipway.docker.command import Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from slipway.docker.options.parser import Options
    from slipway.docker.session import Session


def _run(session: "Session", options: "Options") -> int:
    name, *rest = options.arguments
    ports = session.engine.get(f"/containers/{name}/json")["NetworkSettings"]["Ports"] or {}
    lines = _published(ports, name, rest[0]) if rest else _all(ports)
    if lines:
        session.print("\n".join(sorted(lines, key=_natural_order)))
    return 0


def _all(ports: "dict[str, Any]") -> list[str]:
    return [f"{port} -> {_address(binding)}" for port, bindings in ports.items() for binding in bindings or ()]


def _published(ports: "dict[str, Any]", name: str, wanted: str) -> list[str]:
    number, _, protocol = wanted.partition("/")
    if not number.isascii() or not number.isdigit() or int(number) > 65535:
        problem = "value out of range" if number.isascii() and number.isdigit() else "invalid syntax"
        raise InvalidArgument(f'Error: invalid port ({number}): strconv.ParseUint: parsing "{number}": {problem}')
    bindings = ports.get(f"{number}/{protocol or 'tcp'}")
    if not bindings:
        raise NotFound(f"Error: No public port '{wanted}' published for {name}")
    return [_address(binding) for binding in bindings]


def _address(binding: "dict[str, str]") -> str:
    host = binding["HostIp"]
    return f"[{host}]:{binding['HostPort']}" if ":" in host else f"{host}:{binding['HostPort']}"


def _natural_order(text: str) -> "list[tuple[int, int, str]]":
    """Runs of digits compare as numbers."""
    parts: list[str] = []
    for character in text:
        if parts and parts[-1][-1].isdigit() == character.isdigit():
            parts[-1] += character
        else:
            parts.append(character)
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts]


PORT = Command(_run, "CONTAINER [PRIVATE_PORT[/PROTO]]", arguments=(1, 2), names=("container port", "port"))
