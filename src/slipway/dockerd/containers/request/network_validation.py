"""What a request to create a container may say of networks, names and addresses. Pure; every refusal is
InvalidArgument in the original's words."""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from slipway.base.errors import InvalidArgument
from slipway.contracts.engine_api.container_config import ContainerConfig
from slipway.contracts.engine_api.host_config import HostConfig
from slipway.contracts.engine_api.networks import EndpointIpamConfig, EndpointSettings
from slipway.dockerd.containers.name_files import check_extra_host

_HEXADECIMAL: Final = frozenset("0123456789abcdefABCDEF")
_ONLY_USER_DEFINED: Final = "user specified IP address is supported on user defined networks only"
_ONLY_SUBNETS: Final = (
    "user specified IP address is supported only when connecting to networks with user configured subnets"
)


def check_networks(config: ContainerConfig, host_config: HostConfig, endpoints: Mapping[str, EndpointSettings]) -> None:
    """Names, addresses and what the network's mode excludes. Whether a network or a linked container exists is for
    others to say."""
    _check_mode(config, host_config)
    _check_names(host_config)
    mode = _familiar(host_config.network_mode)
    if config.mac_address:
        check_mac_address(config.mac_address, mode)
    for name, settings in endpoints.items():
        if _familiar(name) != mode:
            raise InvalidArgument(
                f"connect to network {name} beside {mode}: this engine gives a container one network",
                hint="name that network with --network",
            )
        check_endpoint(settings, mode)


def check_endpoint(settings: EndpointSettings, network: str) -> None:
    """A container's place in one of the networks that every engine has: no addresses or names of one's own there."""
    if settings.mac_address:
        check_mac_address(settings.mac_address, network)
    problems = _problems_of_addresses(settings.ipam_config or EndpointIpamConfig())
    if settings.aliases:
        problems.append("network-scoped alias is supported only for containers in user defined networks")
    if settings.links or settings.driver_opts or (settings.ipam_config or EndpointIpamConfig()).link_local_ips:
        problems.append("links, options and link-local addresses of an endpoint are not supported by this engine")
    if problems:
        listed = problems[0] if len(problems) == 1 else "\n".join(f"* {problem}" for problem in problems)
        start = f"invalid config for network {network}: invalid endpoint settings:"
        raise InvalidArgument(f"{start}\n{listed}")


def check_mac_address(text: str, network: str) -> None:
    """Six pairs of hexadecimal digits, all joined by `:` or all by `-`."""
    pairs = text.replace("-", ":").split(":") if not ("-" in text and ":" in text) else []
    if len(pairs) != 6 or any(len(pair) != 2 or not _HEXADECIMAL.issuperset(pair) for pair in pairs):
        raise InvalidArgument(f"invalid config for network {network}: invalid MAC address {text}")


def container_and_alias(link: str) -> tuple[str, str]:
    """`NAME[:ALIAS]` of --link."""
    if not link:
        raise InvalidArgument("empty string specified for links")
    parts = link.split(":")
    if len(parts) > 2:
        raise InvalidArgument(f"bad format for links: {link}")
    name = parts[0].strip("/")
    if not name:
        raise InvalidArgument(f'could not get container for {parts[0]}: invalid name or ID supplied: ""')
    alias = parts[1].rpartition("/")[2] if len(parts) == 2 else ""
    return name, alias or name


def _problems_of_addresses(asked: EndpointIpamConfig) -> list[str]:
    problems = []
    if asked.ipv4_address or asked.ipv6_address:
        problems.append(_ONLY_USER_DEFINED)
        if asked.ipv4_address and not _is_address(asked.ipv4_address, 4):
            problems.append(f"invalid IPv4 address: {asked.ipv4_address}")
        if asked.ipv6_address and not _is_address(asked.ipv6_address, 6):
            problems.append(f"invalid IPv6 address: {asked.ipv6_address}")
        problems.append(_ONLY_SUBNETS)
    problems += [f"invalid link-local IP address: {text}" for text in asked.link_local_ips or () if not _is_any(text)]
    return problems


def _check_mode(config: ContainerConfig, host_config: HostConfig) -> None:
    mode = host_config.network_mode
    if mode == "host" and host_config.links:
        raise InvalidArgument(_undefined("host type networking can't be used with links"))
    if not mode.startswith("container:"):
        return
    if mode == "container:":
        raise InvalidArgument("invalid network mode: no container name or ID given")
    for is_asked, sentence in (
        (config.hostname, "conflicting options: hostname and the network mode"),
        (host_config.links, _undefined("container type network can't be used with links")),
        (host_config.dns, "conflicting options: dns and the network mode"),
        (host_config.extra_hosts, "conflicting options: custom host-to-IP mapping and the network mode"),
        (
            host_config.port_bindings or host_config.publish_all_ports,
            "conflicting options: port publishing and the container type network mode",
        ),
    ):
        if is_asked:
            raise InvalidArgument(sentence)


def _undefined(what: str) -> str:
    return f"conflicting options: {what}. This would result in undefined behavior"


def _check_names(host_config: HostConfig) -> None:
    """Each becomes a line, or a part of one, in a file of the container."""
    for server in host_config.dns or ():
        if not _is_any(server):
            raise InvalidArgument(f'bad nameserver address {server}: ParseAddr("{server}"): unable to parse IP')
    for what, texts in (("DNS search domain", host_config.dns_search), ("DNS option", host_config.dns_options)):
        for text in texts or ():
            if not text.isprintable():
                raise InvalidArgument(f"invalid {what} {text!r}: it contains a control character")
    for entry in host_config.extra_hosts or ():
        check_extra_host(entry)
    for link in host_config.links or ():
        container_and_alias(link)


def _familiar(network: str) -> str:
    return "bridge" if network in ("", "default") else network


def _is_address(text: str, version: int) -> bool:
    try:
        return bool((IPv4Address if version == 4 else IPv6Address)(text))
    except ValueError:
        return False


def _is_any(text: str) -> bool:
    try:
        return bool(ip_address(text))
    except ValueError:
        return False
