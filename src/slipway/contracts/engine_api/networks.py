"""A container's place in its networks, as asked for and as inspect shows it."""

# ruff: noqa: RUF009 - `member` only describes a field

from collections.abc import Mapping
from dataclasses import dataclass

from slipway.contracts.engine_api.schema import member


@dataclass(frozen=True, kw_only=True)
class EndpointIpamConfig:
    """Addresses that the user chose."""

    ipv4_address: str = member("", json="IPv4Address", omit_empty=True)
    ipv6_address: str = member("", json="IPv6Address", omit_empty=True)
    link_local_ips: tuple[str, ...] | None = member(None, json="LinkLocalIPs", omit_empty=True)


@dataclass(frozen=True, kw_only=True)
class EndpointSettings:
    """One network of one container. From `network_id` on: what holds while it runs, empty otherwise."""

    ipam_config: EndpointIpamConfig | None = member(None, json="IPAMConfig")
    links: tuple[str, ...] | None = member(None)
    aliases: tuple[str, ...] | None = member(None)
    mac_address: str = member("")
    driver_opts: Mapping[str, str] | None = member(None)
    gw_priority: int = member(0)
    network_id: str = member("", json="NetworkID")
    endpoint_id: str = member("", json="EndpointID")
    gateway: str = member("")
    ip_address: str = member("", json="IPAddress")
    ip_prefix_len: int = member(0, json="IPPrefixLen")
    ipv6_gateway: str = member("", json="IPv6Gateway")
    global_ipv6_address: str = member("", json="GlobalIPv6Address")
    global_ipv6_prefix_len: int = member(0, json="GlobalIPv6PrefixLen")
    dns_names: tuple[str, ...] | None = member(None, json="DNSNames")


@dataclass(frozen=True, kw_only=True)
class NetworkingConfig:
    """The networks of a new container, by name or id; empty: what HostConfig.network_mode says."""

    endpoints_config: Mapping[str, EndpointSettings | None] | None = member(None)


@dataclass(frozen=True, kw_only=True)
class ConnectRequest:
    """The body of POST /networks/{id}/connect."""

    container: str = member("")
    endpoint_config: EndpointSettings | None = member(None)


@dataclass(frozen=True, kw_only=True)
class DisconnectRequest:
    """The body of POST /networks/{id}/disconnect."""

    container: str = member("")
    force: bool = member(False)
