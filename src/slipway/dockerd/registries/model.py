"""The settings of registries, checked in the original's words. Pure.

Source: moby daemon/pkg/registry/config.go.
"""

import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from slipway.base.errors import InvalidArgument
from slipway.base.references import DEFAULT_DOMAIN

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_LOOPBACK: Final = ("::1/128", "127.0.0.0/8")  # always insecure
_PREFIX: Final = re.compile(r"[0-9A-Fa-f:.]+/[0-9]{1,3}")
_LABEL: Final = r"(?:[A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]*[A-Za-z0-9])"
_HOST: Final = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[A-Fa-f0-9:]+\])(?::(?P<port>[0-9]+))?")


@dataclass(frozen=True, kw_only=True)
class RegistrySettings:
    """`mirrors` of Docker Hub are URLs that end with a slash; `insecure` registries are hosts with or without a port.

    Whoever has an address in one of `networks` is insecure as well.
    """

    mirrors: tuple[str, ...] = ()
    insecure: tuple[str, ...] = ()
    networks: tuple[Network, ...] = tuple(ipaddress.ip_network(text) for text in _LOOPBACK)

    @property
    def is_told(self) -> bool:
        """Whether there is a setting beyond what always holds."""
        return bool(self.mirrors or self.insecure or len(self.networks) > len(_LOOPBACK))

    def is_insecure(self, domain: str, addresses: Iterable[Address]) -> bool:
        """Whether a registry may do without TLS that can be verified; `addresses` are those of its host.

        All of them have to be in a network that is told (the original: one). For a name, whoever answers for DNS says
        them, so loopback counts for an address itself only: it would take any registry's TLS away.
        """
        if domain in self.insecure:
            return True
        told = self.networks if _is_address(host_of(domain)) else [n for n in self.networks if str(n) not in _LOOPBACK]
        plain = [getattr(address, "ipv4_mapped", None) or address for address in addresses]
        return bool(plain) and all(any(address in network for network in told) for address in plain)

    def document(self) -> dict[str, Any]:
        """As `docker info` shows it."""
        mirrors = list(self.mirrors)
        hub = {"Mirrors": mirrors, "Name": DEFAULT_DOMAIN, "Official": True, "Secure": True}
        insecure = {
            host: {"Mirrors": [], "Name": host, "Official": False, "Secure": False} for host in sorted(self.insecure)
        }
        return {
            "IndexConfigs": {DEFAULT_DOMAIN: hub, **insecure},
            "InsecureRegistryCIDRs": [str(network) for network in self.networks],
            "Mirrors": mirrors or None,
        }


def settings_from_texts(mirrors: Sequence[str], insecure: Sequence[str]) -> RegistrySettings:
    """Raises InvalidArgument for the first text that is no mirror, host or network."""
    hosts, networks = [], []
    for text in insecure:
        text = _without_scheme(_index_name(text))
        if network := _network(text):
            networks.append(network)
        else:
            hosts.append(_checked_host(text))
    networks += [ipaddress.ip_network(text) for text in _LOOPBACK]
    return RegistrySettings(
        mirrors=tuple(dict.fromkeys(map(_mirror, mirrors))),
        insecure=tuple(dict.fromkeys(hosts)),
        networks=tuple(dict.fromkeys(networks)),
    )


def host_of(domain: str) -> str:
    """Without port and brackets."""
    name = domain.partition("]")[0] if domain.startswith("[") else domain.rpartition(":")[0] or domain
    return name.lstrip("[")


def _mirror(text: str) -> str:
    scheme, separator, _ = text.partition("://")
    must = "must use either 'https://' or 'http://'"
    if not separator or not scheme:
        raise InvalidArgument(f'invalid mirror: no scheme specified for "{text}": {must}')
    try:
        parts = urlsplit(text)
        is_uri = bool(parts.hostname) and parts.port != 0 and text.isprintable() and " " not in text
    except ValueError:
        is_uri = False
    if scheme.lower() not in ("http", "https"):
        raise InvalidArgument(f'invalid mirror: unsupported scheme "{scheme}" in "{text}": {must}')
    if not is_uri:
        raise InvalidArgument(f'invalid mirror: "{text}" is not a valid URI')
    if parts.query or parts.fragment:
        raise InvalidArgument(f'invalid mirror: query or fragment at end of the URI "{text}"')
    if parts.username is not None:
        shown = f"{scheme}://{parts.username}:xxxxx@{parts.netloc.rpartition('@')[2]}{parts.path}"
        raise InvalidArgument(f'invalid mirror: username/password not allowed in URI "{shown}"')
    return text.removesuffix("/") + "/"


def _index_name(text: str) -> str:
    if text.startswith("-") or text.endswith("-"):
        raise InvalidArgument(f"invalid index name ({text}). Cannot begin or end with a hyphen")
    return DEFAULT_DOMAIN if text == f"index.{DEFAULT_DOMAIN}" else text


def _without_scheme(text: str) -> str:
    scheme, separator, rest = text.partition("://")
    if not separator:
        return text
    if scheme.lower() not in ("http", "https"):
        raise InvalidArgument(f"insecure registry {text} should not contain '://'")
    return rest


def _network(text: str) -> Network | None:
    if not _PREFIX.fullmatch(text):
        return None
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _checked_host(text: str) -> str:
    match = _HOST.fullmatch(text)
    if match is None and not _is_address(text):
        raise InvalidArgument(f'insecure registry {text} is not valid: invalid host "{host_of(text)}"')
    port = match["port"] if match else None
    if port and (len(port) > 5 or int(port) > 65535):
        raise InvalidArgument(f'insecure registry {text} is not valid: invalid port "{port}"')
    return text


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
