"""A network namespace for a container: made, connected and configured in one trip of one thread. Blocking.

    thread in the host's namespace ── unshare(CLONE_NEWNET) ──▶ in the new one: loopback up; sysctls
        │ host connection: veth pair, one end in the bridge, the other in the new namespace
        │ inner connection: eth0 up, address, default route
        ◀── setns ── back; a descriptor of the new namespace is all that keeps it

Nothing is bound into the file system: the container's process holds the namespace once it exists; until then the
descriptor does, and if this process dies before, the kernel takes everything back
(docs/decisions/container-networks.md).
"""

import os
import threading
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface

from slipway.base.errors import InternalError
from slipway.dockerd.networks.bridge import write_sysctl
from slipway.linux import namespaces
from slipway.linux.namespace_flags import CLONE_NEWNET
from slipway.linux.netlink import addresses, links
from slipway.linux.netlink.connection import Connection

OWN_NAMESPACE = "/proc/thread-self/ns/net"
CONTAINER_INTERFACE = "eth0"
CONTAINER_INTERFACE_INDEX = 2  # the first after loopback
BRIDGED_PACKETS_ARE_FILTERED = "/proc/sys/net/bridge/bridge-nf-call-iptables"
IPV6_OFF = "net/ipv6/conf/default/disable_ipv6"


@dataclass(frozen=True, kw_only=True)
class LinkPlan:
    """How a container is connected to a bridge."""

    host_interface: str
    bridge_index: int
    group: int
    mac_address: bytes
    address: IPv4Interface
    gateway: IPv4Address
    publishes: bool = False
    mtu: int = 1500


class HostThread(threading.local):
    """What each worker thread has open: the host's namespace, and a connection in it."""

    def __init__(self) -> None:
        self.namespace = os.open(OWN_NAMESPACE, os.O_RDONLY | os.O_CLOEXEC)
        self.connection = Connection()
        self.is_lost = False

    def check(self) -> None:
        if self.is_lost:
            raise InternalError("a network thread could not return to the host's namespace")


def make_sandbox(host: HostThread, plan: LinkPlan | None) -> int:
    """A descriptor of a new network namespace; `plan` None gives it loopback alone. Raises OSError; nothing is left
    then."""
    host.check()
    namespaces.unshare(CLONE_NEWNET)
    try:
        descriptor = os.open(OWN_NAMESPACE, os.O_RDONLY | os.O_CLOEXEC)
        try:
            with Connection() as inner:
                _configure(host.connection, inner, descriptor, plan)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor
    finally:
        _return_to_host(host)


def _configure(outer: Connection, inner: Connection, descriptor: int, plan: LinkPlan | None) -> None:
    if plan is None:
        inner.request(links.set_up(links.LOOPBACK))
        return
    _add_link(outer, descriptor, plan)
    inner.request(
        links.set_up(links.LOOPBACK),
        addresses.add_address(CONTAINER_INTERFACE_INDEX, plan.address),
        links.set_up(CONTAINER_INTERFACE_INDEX),
        addresses.add_default_route(plan.gateway),
    )


def _add_link(outer: Connection, descriptor: int, plan: LinkPlan) -> None:
    """An IPv4 network has no IPv6 (CVE-2024-32473): an interface takes the default when it is made, loopback keeps its
    own."""
    has_ipv6 = os.path.exists(f"/proc/sys/{IPV6_OFF}")
    if has_ipv6:
        write_sysctl(IPV6_OFF, "1")
    outer.request(
        links.add_veth(
            plan.host_interface,
            peer_name=CONTAINER_INTERFACE,
            peer_address=plan.mac_address,
            peer_index=CONTAINER_INTERFACE_INDEX,
            peer_namespace=descriptor,
            master=plan.bridge_index,
            group=plan.group,
            mtu=plan.mtu,
        )
    )
    if has_ipv6:
        write_sysctl(IPV6_OFF, "0")
    if plan.publishes:
        _allow_hairpin(outer, plan.host_interface)


def _allow_hairpin(outer: Connection, host_interface: str) -> None:
    """With br_netfilter (others load it) a container's packets are translated while still in the bridge, and one that
    goes to a port which the container itself publishes would have to leave by the port that it came from."""
    try:
        with open(BRIDGED_PACKETS_ARE_FILTERED, "rb") as setting:
            is_needed = setting.read(1) == b"1"
    except FileNotFoundError:
        return
    link = links.find(outer, host_interface) if is_needed else None
    if link:
        outer.request(links.set_hairpin(link.index))


def _return_to_host(host: HostThread) -> None:
    try:
        namespaces.join(host.namespace, CLONE_NEWNET)
    except OSError:
        host.is_lost = True
        raise
