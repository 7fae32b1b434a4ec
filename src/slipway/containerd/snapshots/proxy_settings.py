"""`[proxy_plugins.NAME]` of the configuration: snapshotters that other processes serve. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from slipway.base.errors import InvalidArgument
from slipway.base.identifiers import check_identifier
from slipway.contracts.containerd_api.types import Platform
from slipway.contracts.oci.platforms import normalized

_TYPES: Final = ("snapshot", "io.containerd.snapshotter.v1")
_UNSERVED: Final = ("content", "diff", "sandbox")
_KEYS: Final = ("type", "address", "platform", "exports", "capabilities")
_SOURCE_EXPORT: Final = "enable_remote_snapshot_annotations"


@dataclass(frozen=True, kw_only=True, slots=True)
class ProxySettings:
    """One snapshotter of another process: its name, and the socket that it serves at."""

    name: str
    address: str
    platform: Platform | None = None
    exports: Mapping[str, str] = field(default_factory=dict)
    capabilities: tuple[str, ...] = ()

    @property
    def wants_source(self) -> bool:
        """Whether it must be told which image a layer belongs to, so that it can fetch the layer itself."""
        return self.exports.get(_SOURCE_EXPORT) == "true"


def proxies_from_table(table: Mapping[str, Any]) -> tuple[tuple[ProxySettings, ...], tuple[str, ...]]:
    """The snapshotters, and a sentence for each plugin of another type, which this daemon does not call.

    Raises InvalidArgument, naming the key, for what no daemon could use.
    """
    served, sentences = [], []
    for name, plugin in table.items():
        where = f"proxy_plugins.{name}"
        check_identifier(name, "proxy_plugins: the name")
        if not isinstance(plugin, Mapping):
            raise InvalidArgument(f"{where}: expected a table, got {plugin!r}")
        for key in plugin:
            if key not in _KEYS:
                raise InvalidArgument(f"{where}: unknown key {key!r}", hint=f"known are {', '.join(_KEYS)}")
        kind = _text(plugin, "type", where)
        if kind in _TYPES:
            served.append(_snapshotter(name, plugin, where))
        elif kind in _UNSERVED or kind.startswith("io.containerd."):
            sentences.append(f"{where}: plugins of type {kind!r} are not served: only snapshotters are")
        else:
            raise InvalidArgument(f"{where}: type is {kind!r}", hint=f"known are snapshot, {', '.join(_UNSERVED)}")
    return tuple(served), tuple(sentences)


def _snapshotter(name: str, plugin: Mapping[str, Any], where: str) -> ProxySettings:
    address = _text(plugin, "address", where).removeprefix("unix://")
    if not address.startswith("/"):
        raise InvalidArgument(f"{where}: address is {address!r}, which is no path of a unix socket")
    exports = plugin.get("exports", {})
    if not isinstance(exports, Mapping) or not all(isinstance(value, str) for value in exports.values()):
        raise InvalidArgument(f"{where}: exports: expected a table of texts, got {exports!r}")
    capabilities = plugin.get("capabilities", [])
    if not isinstance(capabilities, list) or not all(isinstance(word, str) for word in capabilities):
        raise InvalidArgument(f"{where}: capabilities: expected a list of texts, got {capabilities!r}")
    platform = _platform(_text(plugin, "platform", where), where)
    return ProxySettings(
        name=name, address=address, platform=platform, exports=dict(exports), capabilities=tuple(capabilities)
    )


def _platform(text: str, where: str) -> Platform | None:
    if not text:
        return None
    words = text.split("/")
    if not 2 <= len(words) <= 3 or not all(words):
        raise InvalidArgument(f"{where}: platform is {text!r}, not like linux/amd64")
    return normalized(Platform(os=words[0], architecture=words[1], variant="".join(words[2:])))


def _text(plugin: Mapping[str, Any], key: str, where: str) -> str:
    value = plugin.get(key, "")
    if not isinstance(value, str):
        raise InvalidArgument(f"{where}: {key}: expected text, got {value!r}")
    return value
