"""What `[proxy_plugins.NAME]` of the configuration means: snapshotters that other processes serve. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from slipway.base.errors import InvalidArgument
from slipway.base.identifiers import check_identifier
from slipway.containerd.configuration.model import ProxyPluginSettings
from slipway.contracts.containerd_api.types import Platform
from slipway.contracts.oci.platforms import normalized

_TYPES: Final = ("snapshot", "io.containerd.snapshotter.v1")
_UNSERVED: Final = ("content", "diff", "sandbox")
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


def proxies_from_settings(
    plugins: Mapping[str, ProxyPluginSettings],
) -> tuple[tuple[ProxySettings, ...], tuple[str, ...]]:
    """The snapshotters, and a sentence for each plugin of another type, which this daemon does not call.

    Raises InvalidArgument, naming the key, for what no daemon could use.
    """
    served, sentences = [], []
    for name, plugin in plugins.items():
        where = f"proxy_plugins.{name}"
        check_identifier(name, "proxy_plugins: the name")
        if plugin.type in _TYPES:
            served.append(_snapshotter(name, plugin, where))
        elif plugin.type in _UNSERVED or plugin.type.startswith("io.containerd."):
            sentences.append(f"{where}: plugins of type {plugin.type!r} are not served: only snapshotters are")
        else:
            hint = f"known are snapshot, {', '.join(_UNSERVED)}"
            raise InvalidArgument(f"{where}: type is {plugin.type!r}", hint=hint)
    return tuple(served), tuple(sentences)


def _snapshotter(name: str, plugin: ProxyPluginSettings, where: str) -> ProxySettings:
    address = plugin.address.removeprefix("unix://")
    if not address.startswith("/"):
        raise InvalidArgument(f"{where}: address is {address!r}, which is no path of a unix socket")
    return ProxySettings(
        name=name,
        address=address,
        platform=_platform(plugin.platform, where),
        exports=plugin.exports,
        capabilities=plugin.capabilities,
    )


def _platform(text: str, where: str) -> Platform | None:
    if not text:
        return None
    words = text.split("/")
    if not 2 <= len(words) <= 3 or not all(words):
        raise InvalidArgument(f"{where}: platform is {text!r}, not like linux/amd64")
    return normalized(Platform(os=words[0], architecture=words[1], variant="".join(words[2:])))
