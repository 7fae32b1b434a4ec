"""The bridge that containers' links end in: made once, or adopted as it is found. Blocking."""

import errno
import os
import secrets
import zlib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from ipaddress import IPv4Interface

from slipway.base.errors import FailedPrecondition, InvalidArgument
from slipway.dockerd.networks.addresses import free_network
from slipway.linux.netlink import addresses, links
from slipway.linux.netlink.connection import Connection
from slipway.service.instance import Instance


@dataclass(frozen=True, kw_only=True)
class Bridge:
    """A bridge that is up; `address` is the gateway of its containers, with the network's prefix length."""

    name: str
    index: int
    address: IPv4Interface


def ensure_bridge(connection: Connection, instance: Instance) -> Bridge:
    """Make or adopt the instance's bridge. A bridge with another address than the configured one is refused, not
    changed.

    Raises FailedPrecondition, InvalidArgument, Unavailable (no free network), OSError (not root). A crash leaves a
    bridge without an address, which the next call completes.
    """
    link = links.find(connection, instance.bridge)
    if link is None:
        connection.request(links.add_bridge(instance.bridge, _random_mac()))
        link = links.find(connection, instance.bridge)
    if link is None or link.kind != "bridge":
        raise FailedPrecondition(f"interface {instance.bridge} exists and is no bridge")
    address = _address(connection, link.index, instance)
    if not link.is_up:
        connection.request(links.set_up(link.index))
    _set_sysctls(instance.bridge)
    return Bridge(name=instance.bridge, index=link.index, address=address)


def link_group(instance: Instance) -> int:
    """A number that marks the links of this engine, so that a sweep finds them and no others."""
    return zlib.crc32(f"slipway {instance.bridge} {instance.firewall_table}".encode()) | 1


def sweep(connection: Connection, bridge: Bridge, group: int, kept: Callable[[], Collection[str]]) -> list[str]:
    """Delete the links of ours whose containers are gone; returns their names. 20 ms each.

    `kept` tells the names that are in use, those too that are about to be made. It is asked once the links are
    listed, so that one made meanwhile is either not in the list or in its answer.
    """
    ours = [
        link
        for link in links.all_links(connection)
        if link.group == group and link.kind == "veth" and link.master == bridge.index
    ]
    names = kept()
    stale = [link for link in ours if link.name not in names]
    for link in stale:
        try:
            connection.request(links.delete(link.index))
        except OSError as error:
            if error.errno != errno.ENODEV:  # it went with its namespace meanwhile
                raise
    return [link.name for link in stale]


def _address(connection: Connection, index: int, instance: Instance) -> IPv4Interface:
    present = addresses.addresses_of(connection, index)
    if instance.bridge_address:
        try:
            wanted = IPv4Interface(instance.bridge_address)
        except ValueError as error:
            raise InvalidArgument(f"bridge address {instance.bridge_address!r}: {error}") from error
        if present and wanted not in present:
            raise FailedPrecondition(
                f"bridge {instance.bridge} has the address {present[0]}, not the configured {wanted}",
                hint=f"remove it while no container runs: ip link delete {instance.bridge}",
            )
    elif present:
        return present[0]
    else:
        occupied = [network for network, _ in addresses.routed_networks(connection)]
        wanted = free_network(instance.address_pools, occupied)
    if wanted not in present:
        connection.request(addresses.add_address(index, wanted))
    return wanted


def _set_sysctls(bridge: str) -> None:
    """Forwarding, and localhost for published ports (the table's guard chain closes what that opens); no IPv6 on an
    IPv4 network (CVE-2020-13401: a container could send router advertisements)."""
    write_sysctl("net/ipv4/ip_forward", "1")
    write_sysctl(f"net/ipv4/conf/{bridge}/route_localnet", "1")
    if os.path.exists("/proc/sys/net/ipv6"):
        write_sysctl(f"net/ipv6/conf/{bridge}/accept_ra", "0")
        write_sysctl(f"net/ipv6/conf/{bridge}/disable_ipv6", "1")


def write_sysctl(path: str, value: str) -> None:
    """Write one of the calling thread's network namespace, unless it has the value already (then /proc may be
    read-only)."""
    name = f"/proc/sys/{path}"
    descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if os.read(descriptor, 64).strip() == value.encode():
            return
    finally:
        os.close(descriptor)
    descriptor = os.open(name, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, value.encode())
    finally:
        os.close(descriptor)


def _random_mac() -> bytes:
    """Locally administered, for one station."""
    first, *rest = secrets.token_bytes(6)
    return bytes(((first | 0x02) & 0xFE, *rest))
