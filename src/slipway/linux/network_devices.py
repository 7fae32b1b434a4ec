"""Moving an interface of this network namespace into another one, by the few netlink messages that it takes.

Apart from `linux/netlink/`, whose imports a short-lived program does not pay for. Source: rtnetlink(7).
"""

import _socket
import errno
import os
import struct

from slipway.linux import namespaces
from slipway.linux.namespace_flags import CLONE_NEWNET

_RTM_NEWLINK = 16
_RTM_GETLINK = 18
_RTM_NEWADDR = 20
_RTM_GETADDR = 22
_NLM_F_REQUEST = 0x1
_NLM_F_ACK = 0x4
_NLM_F_CREATE_EXCL = 0x600
_NLM_F_DUMP = 0x300
_NLMSG_ERROR = 2
_NLMSG_DONE = 3
_IFLA_IFNAME = 3
_IFLA_NET_NS_FD = 28
_IFF_UP = 1
_IFA_ADDRESS = 1
_IFA_LOCAL = 2
_IFA_BROADCAST = 4
_IFA_F_PERMANENT = 0x80
_RT_SCOPE_UNIVERSE = 0
_LARGEST = 64 * 1024

_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_LINK = struct.Struct("=BxHiII")  # family, type, index, flags, change: struct ifinfomsg
_ADDRESS = struct.Struct("=BBBBI")  # family, prefix length, flags, scope, index: struct ifaddrmsg


class Address:
    """A permanent address of global scope; `attributes` as netlink gave and takes them."""

    __slots__ = ("attributes", "family", "prefix_length")

    def __init__(self, family: int, prefix_length: int, attributes: bytes) -> None:
        self.family = family
        self.prefix_length = prefix_length
        self.attributes = attributes


def move_device(name: str, new_name: str, namespace: int) -> None:
    """Move the interface `name` into the network namespace of a descriptor, there `new_name` and up.

    Its addresses go with it: those that are permanent and of global scope (RFC 3549). `%d` in the new name is a number
    that the kernel chooses. Raises OSError that names the step; then the interface may be on either side.
    """
    here = _open_socket()
    try:
        there = _open_socket_in(namespace)
        try:
            _move(here, there, name, new_name, namespace)
        finally:
            there.close()
    finally:
        here.close()


def _move(here: "_socket.socket", there: "_socket.socket", name: str, new_name: str, namespace: int) -> None:
    try:
        index = _socket.if_nametoindex(name)
    except OSError as error:
        raise OSError(errno.ENODEV, os.strerror(errno.ENODEV), f"find network device {name}") from error
    before = _links(there)
    if new_name in before.values():
        # The kernel would find out only when it has moved the device.
        raise OSError(errno.EEXIST, os.strerror(errno.EEXIST), f"move network device {name} as {new_name}")
    addresses = _addresses(here, index)  # read first: those of IPv6 end when it goes down
    _request(here, _RTM_NEWLINK, 0, _LINK.pack(0, 0, index, 0, _IFF_UP), f"set network device {name} down")
    body = _LINK.pack(0, 0, index, 0, 0) + _attribute(_IFLA_IFNAME, new_name.encode() + b"\0")
    body += _attribute(_IFLA_NET_NS_FD, struct.pack("=I", namespace))
    _request(here, _RTM_NEWLINK, 0, body, f"move network device {name} as {new_name}")
    moved = (_links(there).keys() - before.keys()).pop()
    for address in addresses:
        body = _ADDRESS.pack(address.family, address.prefix_length, 0, _RT_SCOPE_UNIVERSE, moved) + address.attributes
        _request(there, _RTM_NEWADDR, _NLM_F_CREATE_EXCL, body, f"add an address to network device {new_name}")
    _request(there, _RTM_NEWLINK, 0, _LINK.pack(0, 0, moved, _IFF_UP, _IFF_UP), f"set network device {new_name} up")


def _open_socket() -> "_socket.socket":
    channel = _socket.socket(_socket.AF_NETLINK, _socket.SOCK_RAW | _socket.SOCK_CLOEXEC, 0)
    channel.bind((0, 0))
    return channel


def _open_socket_in(namespace: int) -> "_socket.socket":
    """A socket belongs to the namespace in which it was made, wherever its process goes then."""
    own = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        namespaces.join(namespace, CLONE_NEWNET)
        try:
            return _open_socket()
        finally:
            namespaces.join(own, CLONE_NEWNET)
    finally:
        os.close(own)


def _addresses(channel: "_socket.socket", index: int) -> list[Address]:
    found = []
    for body in _dump(channel, _RTM_GETADDR, _ADDRESS.pack(0, 0, 0, 0, 0), "list addresses"):
        family, prefix_length, flags, scope, owner = _ADDRESS.unpack_from(body)
        if owner != index or not flags & _IFA_F_PERMANENT or scope != _RT_SCOPE_UNIVERSE:
            continue
        kept = b"".join(
            _attribute(kind, value)
            for kind, value in _attributes(body[_ADDRESS.size :])
            if kind in (_IFA_ADDRESS, _IFA_LOCAL, _IFA_BROADCAST)
        )
        found.append(Address(family, prefix_length, kept))
    return found


def _links(channel: "_socket.socket") -> dict[int, str]:
    """Index -> name."""
    found = {}
    for body in _dump(channel, _RTM_GETLINK, _LINK.pack(0, 0, 0, 0, 0), "list network devices"):
        names = [value for kind, value in _attributes(body[_LINK.size :]) if kind == _IFLA_IFNAME]
        found[_LINK.unpack_from(body)[2]] = names[0].rstrip(b"\0").decode("utf-8", "replace")
    return found


def _attribute(kind: int, payload: bytes) -> bytes:
    length = 4 + len(payload)
    return struct.pack("=HH", length, kind) + payload + bytes(-length % 4)


def _attributes(data: bytes) -> list[tuple[int, bytes]]:
    found: list[tuple[int, bytes]] = []
    offset = 0
    while offset + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, offset)
        if length < 4:
            break
        found.append((kind & 0x3FFF, data[offset + 4 : offset + length]))
        offset += length + -length % 4
    return found


def _request(channel: "_socket.socket", kind: int, flags: int, body: bytes, what: str) -> None:
    channel.send(_HEADER.pack(_HEADER.size + len(body), kind, flags | _NLM_F_REQUEST | _NLM_F_ACK, 1, 0) + body)
    for received, payload in _messages(channel.recv(_LARGEST)):
        _check(received, payload, what)


def _dump(channel: "_socket.socket", kind: int, body: bytes, what: str) -> list[bytes]:
    channel.send(_HEADER.pack(_HEADER.size + len(body), kind, _NLM_F_REQUEST | _NLM_F_DUMP, 1, 0) + body)
    found: list[bytes] = []
    while True:
        for received, payload in _messages(channel.recv(_LARGEST)):
            _check(received, payload, what)
            if received == _NLMSG_DONE:
                return found
            found.append(payload)


def _check(kind: int, payload: bytes, what: str) -> None:
    if kind == _NLMSG_ERROR:
        number = -struct.unpack_from("=i", payload)[0]
        if number:
            raise OSError(number, os.strerror(number), what)


def _messages(data: bytes) -> list[tuple[int, bytes]]:
    found: list[tuple[int, bytes]] = []
    offset = 0
    while offset + _HEADER.size <= len(data):
        length, kind, *_ = _HEADER.unpack_from(data, offset)
        found.append((kind, data[offset + _HEADER.size : offset + length]))
        offset += length + -length % 4
    return found
