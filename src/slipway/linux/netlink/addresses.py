"""IPv4 addresses of interfaces, and routes. Linux, include/uapi/linux/{if_addr,rtnetlink}.h.

Addresses are `ipaddress` values; nothing here knows what they are for.
"""

import socket
import struct
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from sys import byteorder

from slipway.linux.netlink.connection import Connection, Request
from slipway.linux.netlink.messages import NLM_F_CREATE, NLM_F_EXCL, attribute, attributes_from_bytes

RTM_NEWADDR = 20
RTM_GETADDR = 22
RTM_NEWROUTE = 24
RTM_GETROUTE = 26
IFA_ADDRESS = 1
IFA_LOCAL = 2
IFA_BROADCAST = 4
RTA_DST = 1
RTA_OIF = 4
RTA_GATEWAY = 5
RT_TABLE_MAIN = 254
RTPROT_BOOT = 3
RT_SCOPE_UNIVERSE = 0
RTN_UNICAST = 1

ADDRESS = struct.Struct("=BBBBI")  # family, prefix length, flags, scope, index: struct ifaddrmsg
ROUTE = struct.Struct("=BBBBBBBBI")  # struct rtmsg


def add_address(index: int, address: IPv4Interface) -> Request:
    body = ADDRESS.pack(socket.AF_INET, address.network.prefixlen, 0, RT_SCOPE_UNIVERSE, index)
    body += attribute(IFA_LOCAL, address.packed) + attribute(IFA_ADDRESS, address.packed)
    body += attribute(IFA_BROADCAST, address.network.broadcast_address.packed)
    return Request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, body, f"add address {address} to interface {index}")


def add_default_route(gateway: IPv4Address) -> Request:
    body = ROUTE.pack(socket.AF_INET, 0, 0, 0, RT_TABLE_MAIN, RTPROT_BOOT, RT_SCOPE_UNIVERSE, RTN_UNICAST, 0)
    body += attribute(RTA_GATEWAY, gateway.packed)
    return Request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, body, f"add default route through {gateway}")


def addresses_of(connection: Connection, index: int) -> list[IPv4Interface]:
    """The IPv4 addresses of an interface, in the kernel's order."""
    body = ADDRESS.pack(socket.AF_INET, 0, 0, 0, index)
    found = []
    for each in connection.dump(Request(RTM_GETADDR, 0, body, "list addresses")):
        _, prefix_length, _, _, owner = ADDRESS.unpack_from(each.body)
        local = attributes_from_bytes(each.body[ADDRESS.size :]).get(IFA_LOCAL)
        if owner == index and local:
            found.append(IPv4Interface((local, prefix_length)))
    return found


def routed_networks(connection: Connection) -> list[tuple[IPv4Network, int]]:
    """What the main table routes, but for the default route, with the index of the interface (0 if it names none)."""
    body = ROUTE.pack(socket.AF_INET, 0, 0, 0, RT_TABLE_MAIN, 0, 0, 0, 0)
    found = []
    for each in connection.dump(Request(RTM_GETROUTE, 0, body, "list routes")):
        _, length, _, _, table, *_ = ROUTE.unpack_from(each.body)
        attributes = attributes_from_bytes(each.body[ROUTE.size :])
        if table == RT_TABLE_MAIN and length and RTA_DST in attributes:
            network = IPv4Network((attributes[RTA_DST], length))
            found.append((network, int.from_bytes(attributes.get(RTA_OIF, b""), byteorder)))
    return found
