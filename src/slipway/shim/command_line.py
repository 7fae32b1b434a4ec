"""The shim's command line, as containerd calls it. Source: containerd pkg/shim/shim.go, core/runtime/v2/README.md.

containerd-shim-runc-v2 -namespace NS -id ID -address SOCK [-publish-binary PATH] [-bundle DIR] [-debug] start|delete
containerd-shim-runc-v2 -v | -info
containerd-shim-runc-v2 -namespace NS -id ID -address SOCK            (the shim itself, as `start` leaves it behind)
"""

from __future__ import annotations

from slipway.base.errors import InvalidArgument
from slipway.base.identifiers import check_identifier

_TEXTS = ("namespace", "id", "address", "publish-binary", "bundle", "socket", "debug-socket")
_SWITCHES = ("debug", "v", "version", "info")
_TRUE, _FALSE = ("1", "t", "T", "true", "TRUE", "True"), ("0", "f", "F", "false", "FALSE", "False")


class CommandLine:
    """What was asked: `action` is "start", "delete", "version", "info" or "" (serve)."""

    __slots__ = ("action", "address", "bundle", "debug", "id", "namespace", "publish_binary", "socket")

    def __init__(self, texts: dict[str, str], switches: dict[str, bool], action: str) -> None:
        self.action = action
        self.namespace = texts["namespace"]
        self.id = texts["id"]
        self.address = texts["address"]
        self.publish_binary = texts["publish-binary"]
        self.bundle = texts["bundle"]
        self.socket = texts["socket"]
        self.debug = switches["debug"]

    def served(self) -> list[str]:
        """The arguments of the shim that stays: what people look for in `ps`."""
        arguments = ["-namespace", self.namespace, "-id", self.id, "-address", self.address]
        return [*arguments, "-debug"] if self.debug else arguments


def parse(arguments: list[str]) -> CommandLine:
    """Go's flag syntax: -name value, -name=value, one dash or two. Raises InvalidArgument."""
    texts = dict.fromkeys(_TEXTS, "")
    switches = dict.fromkeys(_SWITCHES, False)
    rest = list(arguments)
    while rest and rest[0].startswith("-") and rest[0] not in ("-", "--"):
        word = rest.pop(0)
        name, equals, value = word[2 if word.startswith("--") else 1 :].partition("=")
        if name in texts:
            if not equals:
                if not rest:
                    raise InvalidArgument(f"flag needs an argument: -{name}")
                value = rest.pop(0)
            texts[name] = value
        elif name in switches:
            switches[name] = _boolean(name, value if equals else "true")
        else:
            raise InvalidArgument(f"flag provided but not defined: -{name}")
    return _checked(CommandLine(texts, switches, _action(switches, rest)))


def _boolean(name: str, value: str) -> bool:
    if value not in _TRUE + _FALSE:
        raise InvalidArgument(f"invalid boolean value {value!r} for -{name}")
    return value in _TRUE


def _action(switches: dict[str, bool], rest: list[str]) -> str:
    if switches["v"] or switches["version"]:
        return "version"
    if switches["info"]:
        return "info"
    return rest[0] if rest and rest[0] in ("start", "delete") else ""


def _checked(line: CommandLine) -> CommandLine:
    if line.action not in ("version", "info"):
        if not line.namespace:
            raise InvalidArgument("shim namespace cannot be empty")
        check_identifier(line.namespace, "namespace")
        check_identifier(line.id, "id")
    return line
