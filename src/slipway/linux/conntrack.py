"""Makes the kernel forget connections that it tracks. Linux, include/uapi/linux/netfilter/nfnetlink_conntrack.h.

Address translation is decided by a connection's first packet. A UDP sender that never pauses is one connection for
ever: after the rules have changed, its packets go where the old ones said, until its entry is deleted. Filters: Linux
5.8.
"""

import socket
import struct
from ipaddress import IPv4Address

from slipway.linux.netlink.connection import Request
from slipway.linux.netlink.messages import attribute, nested, number

NFNL_SUBSYS_CTNETLINK = 1
IPCTNL_MSG_CT_DELETE = 2
CTA_TUPLE_ORIG, CTA_TUPLE_REPLY = 1, 2
CTA_TUPLE_IP, CTA_TUPLE_PROTO = 1, 2
CTA_IP_V4_SRC = 1
CTA_PROTO_NUM, CTA_PROTO_DST_PORT = 1, 3
CTA_FILTER = 25
CTA_FILTER_ORIG_FLAGS, CTA_FILTER_REPLY_FLAGS = 1, 2
# Which fields of a tuple count: net/netfilter/nf_conntrack_netlink.c, enum ctnetlink filter flags.
BY_SOURCE_ADDRESS, BY_PROTOCOL, BY_DESTINATION_PORT = 1 << 0, 1 << 3, 1 << 5


def forget_to_port(protocol: int, port: int) -> Request:
    """Every connection of a protocol whose first packet went to that port, of any address."""
    fields = attribute(CTA_PROTO_NUM, bytes((protocol,))) + attribute(CTA_PROTO_DST_PORT, port.to_bytes(2, "big"))
    return _delete(
        nested(CTA_TUPLE_ORIG, nested(CTA_TUPLE_PROTO, fields)),
        original=BY_PROTOCOL | BY_DESTINATION_PORT,
        what=f"forget connections to port {port}",
    )


def forget_answers_of(protocol: int, address: IPv4Address) -> Request:
    """Every connection of a protocol whose answers come from that address."""
    where = nested(CTA_TUPLE_IP, attribute(CTA_IP_V4_SRC, address.packed))
    kind = nested(CTA_TUPLE_PROTO, attribute(CTA_PROTO_NUM, bytes((protocol,))))
    return _delete(
        nested(CTA_TUPLE_REPLY, where, kind),
        reply=BY_SOURCE_ADDRESS | BY_PROTOCOL,
        what=f"forget connections answered by {address}",
    )


def _delete(tuple_: bytes, *, original: int = 0, reply: int = 0, what: str) -> Request:
    header = struct.pack(">BBH", socket.AF_INET, 0, 0)
    flags = nested(CTA_FILTER, number(CTA_FILTER_ORIG_FLAGS, original), number(CTA_FILTER_REPLY_FLAGS, reply))
    return Request(NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE, 0, header + tuple_ + flags, f"conntrack: {what}")
