"""The expressions of which nf_tables rules are made: load a field into a register, compare it, decide.

Registers are named by number: 8 is the first of 32 bits (NFT_REG32_00), 12 the fifth; 0 takes the verdict. Each
function gives one expression as bytes, or a list of several. Linux, include/uapi/linux/netfilter/nf_tables.h.
"""

import struct
from ipaddress import IPv4Network

from slipway.linux.netlink.messages import attribute, big_endian, nested, text

VERDICT = 0
FIRST = 8  # NFT_REG32_00; concatenated fields follow each other from here
DATA = 12  # NFT_REG32_04: where a map's answer goes

NF_DROP, NF_ACCEPT = 0, 1
EQUAL, NOT_EQUAL = 0, 1
META_IIFNAME, META_OIFNAME, META_L4PROTO = 6, 7, 16
NETWORK_HEADER, TRANSPORT_HEADER = 1, 2
IPV4_SOURCE, IPV4_DESTINATION = 12, 16  # offsets in the header
DESTINATION_PORT = 2  # of TCP, UDP and SCTP alike
FIB_ADDRTYPE, FIB_F_DADDR = 3, 2
RTN_LOCAL = 2
CT_STATE, CT_STATUS = 0, 2
CT_ESTABLISHED_OR_RELATED = 2 | 4
IPS_DST_NAT = 1 << 5
NAT_DESTINATION = 1
INTERFACE_NAME_LENGTH = 16


def _expression(name: str, *attributes: bytes) -> bytes:
    return text(1, name) + nested(2, *attributes)


def _data(kind: int, value: bytes) -> bytes:
    return nested(kind, attribute(1, value))


def load_meta(key: int, register: int = FIRST) -> bytes:
    return _expression("meta", big_endian(2, key), big_endian(1, register))


def load_payload(base: int, offset: int, length: int, register: int = FIRST) -> bytes:
    return _expression(
        "payload", big_endian(1, register), big_endian(2, base), big_endian(3, offset), big_endian(4, length)
    )


def compare(value: bytes, operator: int = EQUAL, register: int = FIRST) -> bytes:
    return _expression("cmp", big_endian(1, register), big_endian(2, operator), _data(3, value))


def masked(mask: bytes, register: int = FIRST) -> bytes:
    """register = register & mask."""
    return _expression(
        "bitwise",
        big_endian(1, register),
        big_endian(2, register),
        big_endian(3, len(mask)),
        _data(4, mask),
        _data(5, bytes(len(mask))),
    )


def comes_in_by(interface: str) -> list[bytes]:
    return [load_meta(META_IIFNAME), compare(_padded(interface))]


def goes_out_by(interface: str) -> list[bytes]:
    return [load_meta(META_OIFNAME), compare(_padded(interface))]


def goes_out_elsewhere(interface: str) -> list[bytes]:
    return [load_meta(META_OIFNAME), compare(_padded(interface), NOT_EQUAL)]


def from_network(network: IPv4Network) -> list[bytes]:
    return _in_network(IPV4_SOURCE, network)


def to_network(network: IPv4Network) -> list[bytes]:
    return _in_network(IPV4_DESTINATION, network)


def to_this_host() -> list[bytes]:
    """The destination is an address of ours, whichever."""
    fib = _expression("fib", big_endian(1, FIRST), big_endian(2, FIB_ADDRTYPE), big_endian(3, FIB_F_DADDR))
    return [fib, compare(struct.pack("=I", RTN_LOCAL))]


def of_known_connections() -> list[bytes]:
    """Packets of a connection that was let in before, or that belong to one."""
    return _has_bits(CT_STATE, CT_ESTABLISHED_OR_RELATED)


def of_translated_connections() -> list[bytes]:
    """Packets of a connection whose destination a dnat rule, ours or another's, has changed."""
    return _has_bits(CT_STATUS, IPS_DST_NAT)


def translate_destination(map_name: str, *, with_address: bool) -> list[bytes]:
    """Look (protocol, [destination address,] port) up in a map; where it is found, go to its (address, port)
    instead."""
    key = [load_meta(META_L4PROTO)]
    if with_address:
        key.append(load_payload(NETWORK_HEADER, IPV4_DESTINATION, 4, FIRST + 1))
    key.append(load_payload(TRANSPORT_HEADER, DESTINATION_PORT, 2, FIRST + len(key)))
    lookup = _expression("lookup", text(1, map_name), big_endian(2, FIRST), big_endian(3, DATA))
    nat = _expression(
        "nat",
        big_endian(1, NAT_DESTINATION),
        big_endian(2, 2),  # AF_INET
        big_endian(3, DATA),
        big_endian(5, DATA + 1),
    )
    return [*key, lookup, nat]


def masquerade() -> bytes:
    return _expression("masq")


def accept() -> bytes:
    return _verdict(NF_ACCEPT)


def drop() -> bytes:
    return _verdict(NF_DROP)


def _verdict(code: int) -> bytes:
    return _expression("immediate", big_endian(1, VERDICT), nested(2, nested(2, big_endian(1, code))))


def _has_bits(key: int, bits: int) -> list[bytes]:
    loaded = _expression("ct", big_endian(2, key), big_endian(1, FIRST))
    return [loaded, masked(struct.pack("=I", bits)), compare(bytes(4), NOT_EQUAL)]


def _in_network(offset: int, network: IPv4Network) -> list[bytes]:
    loaded = load_payload(NETWORK_HEADER, offset, 4)
    return [loaded, masked(network.netmask.packed), compare(network.network_address.packed)]


def _padded(interface: str) -> bytes:
    return interface.encode().ljust(INTERFACE_NAME_LENGTH, b"\0")
