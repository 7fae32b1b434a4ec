"""Network interfaces: making, finding and removing them. Linux, include/uapi/linux/if_link.h."""

import socket
import struct
from sys import byteorder
from typing import NamedTuple

from slipway.linux.netlink.connection import Connection, Request
from slipway.linux.netlink.messages import (
    NLM_F_CREATE,
    NLM_F_EXCL,
    Message,
    attribute,
    attributes_from_bytes,
    nested,
    number,
    text,
)

RTM_NEWLINK = 16
RTM_DELLINK = 17
RTM_GETLINK = 18
RTM_SETLINK = 19
IFLA_ADDRESS = 1
IFLA_IFNAME = 3
IFLA_MTU = 4
IFLA_MASTER = 10
IFLA_PROTINFO = 12
IFLA_LINKINFO = 18
IFLA_GROUP = 27
IFLA_NET_NS_FD = 28
IFLA_INFO_KIND = 1
IFLA_INFO_DATA = 2
VETH_INFO_PEER = 1
IFLA_BRPORT_MODE = 4
IFF_UP = 1
LOOPBACK = 1  # the first interface of every network namespace

HEADER = struct.Struct("=BxHiII")  # family, type, index, flags, change: struct ifinfomsg


class Link(NamedTuple):
    """An interface; `address` is six bytes for Ethernet, `master` the index of its bridge or 0, `kind` "bridge",
    "veth", ..."""

    index: int  # type: ignore[assignment]  # also the name of a method of tuples
    name: str
    address: bytes
    master: int
    is_up: bool
    kind: str
    mtu: int
    group: int


def add_veth(
    name: str,
    *,
    peer_name: str,
    peer_address: bytes,
    peer_index: int,
    peer_namespace: int,
    master: int,
    group: int = 0,
    mtu: int = 1500,
) -> Request:
    """A pair in one message: `name` here, up, in the bridge `master`; its peer in the namespace of a descriptor, still
    down: the kernel (veth_newlink) configures it before the two know each other, and then going up fails with
    ENOTCONN."""
    peer = (
        HEADER.pack(0, 0, peer_index, 0, 0)
        + text(IFLA_IFNAME, peer_name)
        + attribute(IFLA_ADDRESS, peer_address)
        + number(IFLA_MTU, mtu)
        + number(IFLA_NET_NS_FD, peer_namespace)
    )
    information = nested(
        IFLA_LINKINFO, text(IFLA_INFO_KIND, "veth"), nested(IFLA_INFO_DATA, attribute(VETH_INFO_PEER, peer))
    )
    body = HEADER.pack(0, 0, 0, IFF_UP, IFF_UP) + text(IFLA_IFNAME, name)
    body += number(IFLA_MTU, mtu) + number(IFLA_MASTER, master) + number(IFLA_GROUP, group) + information
    return Request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, body, f"add veth {name}")


def add_bridge(name: str, address: bytes, mtu: int = 1500) -> Request:
    """A bridge, still down. An address of its own keeps it from changing with its ports."""
    body = HEADER.pack(0, 0, 0, 0, 0) + text(IFLA_IFNAME, name) + attribute(IFLA_ADDRESS, address)
    body += number(IFLA_MTU, mtu) + nested(IFLA_LINKINFO, text(IFLA_INFO_KIND, "bridge"))
    return Request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, body, f"add bridge {name}")


def set_up(index: int) -> Request:
    return Request(RTM_NEWLINK, 0, HEADER.pack(0, 0, index, IFF_UP, IFF_UP), f"set interface {index} up")


def set_hairpin(index: int) -> Request:
    """Let the bridge send a frame back by the port that it came from."""
    mode = nested(IFLA_PROTINFO, attribute(IFLA_BRPORT_MODE, b"\1"))
    return Request(RTM_SETLINK, 0, HEADER.pack(socket.AF_BRIDGE, 0, index, 0, 0) + mode, f"set hairpin mode of {index}")


def delete(index: int) -> Request:
    """Sleeps about 20 ms in the kernel (it waits for readers): never on an event loop."""
    return Request(RTM_DELLINK, 0, HEADER.pack(0, 0, index, 0, 0), f"delete interface {index}")


def find(connection: Connection, name: str) -> Link | None:
    """The interface of that name, or None."""
    body = HEADER.pack(0, 0, 0, 0, 0) + text(IFLA_IFNAME, name)
    try:
        answers = connection.ask(Request(RTM_GETLINK, 0, body, f"find interface {name}"))
    except OSError as error:
        if error.errno == 19:  # ENODEV
            return None
        raise
    return link_from_message(answers[0])


def all_links(connection: Connection) -> list[Link]:
    body = HEADER.pack(0, 0, 0, 0, 0)
    return [link_from_message(each) for each in connection.dump(Request(RTM_GETLINK, 0, body, "list interfaces"))]


def link_from_message(received: Message) -> Link:
    _, _, index, flags, _ = HEADER.unpack_from(received.body)
    attributes = attributes_from_bytes(received.body[HEADER.size :])
    information = attributes_from_bytes(attributes.get(IFLA_LINKINFO, b""))
    return Link(
        index=index,
        name=attributes[IFLA_IFNAME].rstrip(b"\0").decode(),
        address=attributes.get(IFLA_ADDRESS, b""),
        master=int.from_bytes(attributes.get(IFLA_MASTER, b""), byteorder),
        is_up=bool(flags & IFF_UP),
        kind=information.get(IFLA_INFO_KIND, b"").rstrip(b"\0").decode(),
        mtu=int.from_bytes(attributes.get(IFLA_MTU, b""), byteorder),
        group=int.from_bytes(attributes.get(IFLA_GROUP, b""), byteorder),
    )
