"""nf_tables by netlink: tables, chains, rules and maps, changed in transactions; no `nft` and no library needed.

Linux, include/uapi/linux/netfilter/nf_tables.h. A `Table` only makes requests; `Firewall` sends them, all or nothing.
"""

import errno
import socket
import struct
from collections.abc import Iterable, Sequence

from slipway.linux.netlink.connection import NETLINK_NETFILTER, Connection, Request
from slipway.linux.netlink.messages import (
    NLM_F_APPEND,
    NLM_F_CREATE,
    Message,
    attribute,
    attribute_list,
    attributes_from_bytes,
    big_endian,
    nested,
    text,
)

NFNL_SUBSYS_NFTABLES = 10
NFNL_MSG_BATCH_BEGIN = 0x10
NFNL_MSG_BATCH_END = 0x11
NFT_MSG_NEWTABLE = 0
NFT_MSG_GETTABLE = 1
NFT_MSG_DELTABLE = 2
NFT_MSG_NEWCHAIN = 3
NFT_MSG_GETCHAIN = 4
NFT_MSG_NEWRULE = 6
NFT_MSG_NEWSET = 9
NFT_MSG_NEWSETELEM = 12
NFT_MSG_GETSETELEM = 13
NFT_MSG_DELSETELEM = 14

NFT_SET_MAP = 0x8
NFT_SET_CONCAT = 0x80
NFTA_LIST_ELEM = 1
NFTA_DATA_VALUE = 1

# Hooks, where in a packet's way a chain is asked: include/uapi/linux/netfilter.h.
PREROUTING, LOCAL_IN, FORWARD, LOCAL_OUT, POSTROUTING = range(5)
# Priorities, in which order: include/uapi/linux/netfilter_ipv4.h.
PRIORITY_RAW, PRIORITY_DSTNAT, PRIORITY_FILTER, PRIORITY_SRCNAT = -300, -100, 0, 100

# Type numbers that only `nft list` reads, six bits each in a concatenation: libnftables, include/datatype.h.
TYPE_IPV4_ADDRESS, TYPE_INET_PROTOCOL, TYPE_INET_SERVICE = 7, 12, 13

HEADER = struct.Struct(">BBH")  # family, version, resource id: struct nfgenmsg
RULE_COMMENT = 0


class Table:
    """Requests about one table of one family (AF_INET unless said otherwise)."""

    __slots__ = ("family", "name")

    def __init__(self, name: str, family: int = socket.AF_INET) -> None:
        self.name = name
        self.family = family

    def add(self) -> Request:
        """Adding a table that exists changes nothing."""
        return self._request(NFT_MSG_NEWTABLE, NLM_F_CREATE, text(1, self.name), f"add table {self.name}")

    def delete(self) -> Request:
        """With all that is in it. ENOENT where there is none."""
        return self._request(NFT_MSG_DELTABLE, 0, text(1, self.name), f"delete table {self.name}")

    def add_chain(self, name: str, kind: str, hook: int, priority: int) -> Request:
        """A chain that the kernel asks at `hook`; `kind` is "filter" or "nat". What no rule decides is accepted."""
        where = nested(4, big_endian(1, hook), big_endian(2, priority & 0xFFFFFFFF))
        body = text(1, self.name) + text(3, name) + where + big_endian(5, 1) + text(7, kind)
        return self._request(NFT_MSG_NEWCHAIN, NLM_F_CREATE, body, f"add chain {name}")

    def add_rule(self, chain: str, expressions: Iterable[bytes], comment: str = "") -> Request:
        """A rule at the chain's end. `comment` shows in `nft list`."""
        elements = b"".join(nested(NFTA_LIST_ELEM, expression) for expression in expressions)
        body = text(1, self.name) + text(2, chain) + nested(4, elements)
        if comment:
            words = comment.encode()[:126] + b"\0"
            body += attribute(7, struct.pack("=BB", RULE_COMMENT, len(words)) + words)
        return self._request(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, body, f"add a rule to chain {chain}")

    def add_map(self, name: str, number: int, key: Sequence[int], data: Sequence[int]) -> Request:
        """A map from concatenated fields to concatenated fields, of the types named; each field takes four bytes.

        `number` is the map's id within the transaction.
        """
        body = text(1, self.name) + text(2, name) + big_endian(3, NFT_SET_MAP | NFT_SET_CONCAT)
        body += big_endian(4, _type_of(key)) + big_endian(5, 4 * len(key))
        body += big_endian(6, _type_of(data)) + big_endian(7, 4 * len(data)) + big_endian(10, number)
        body += nested(9, nested(2, *(nested(NFTA_LIST_ELEM, big_endian(1, 4)) for _ in key)))
        return self._request(NFT_MSG_NEWSET, NLM_F_CREATE, body, f"add map {name}")

    def add_elements(self, name: str, elements: Sequence[tuple[bytes, bytes]]) -> Request:
        """(key, data) pairs. Adding what is there already with the same data changes nothing; EEXIST otherwise."""
        body = self._elements(name, [_value(1, key) + _value(2, data) for key, data in elements])
        return self._request(NFT_MSG_NEWSETELEM, NLM_F_CREATE, body, f"add elements to map {name}")

    def delete_elements(self, name: str, keys: Sequence[bytes]) -> Request:
        """ENOENT when one of them is not there."""
        body = self._elements(name, [_value(1, key) for key in keys])
        return self._request(NFT_MSG_DELSETELEM, 0, body, f"delete elements of map {name}")

    def list_elements(self, name: str) -> Request:
        return self._request(NFT_MSG_GETSETELEM, 0, text(1, self.name) + text(2, name), f"list map {name}")

    def _elements(self, name: str, elements: Sequence[bytes]) -> bytes:
        listed = nested(3, *(nested(NFTA_LIST_ELEM, element) for element in elements))
        return text(1, self.name) + text(2, name) + listed

    def _request(self, kind: int, flags: int, body: bytes, what: str) -> Request:
        header = HEADER.pack(self.family, 0, 0)
        return Request(NFNL_SUBSYS_NFTABLES << 8 | kind, flags, header + body, f"nftables: {what}")


class Firewall:
    """The packet filter of the network namespace that the calling thread is in. Blocking."""

    def __init__(self) -> None:
        self._connection = Connection(NETLINK_NETFILTER)

    def close(self) -> None:
        self._connection.close()

    def commit(self, requests: Sequence[Request]) -> None:
        """All of them, or none and an OSError that names the first that was refused."""
        header = HEADER.pack(socket.AF_UNSPEC, 0, NFNL_SUBSYS_NFTABLES)
        begin = Request(NFNL_MSG_BATCH_BEGIN, 0, header, "nftables: begin")
        self._connection.batch(begin, requests, Request(NFNL_MSG_BATCH_END, 0, header, "nftables: commit"))

    def send(self, requests: Sequence[Request]) -> None:
        """Requests of other netfilter parts (conntrack), each for itself; the first refusal is raised after the last
        answer."""
        self._connection.request(*requests)

    def elements(self, table: Table, name: str) -> list[tuple[bytes, bytes]]:
        """The (key, data) pairs of a map."""
        found = []
        for each in self._connection.dump(table.list_elements(name)):
            listed = attributes_from_bytes(each.body[HEADER.size :]).get(3, b"")
            found += [_pair_from_element(element) for element in _list(listed)]
        return found

    def dropping_forward_chains(self) -> list[tuple[str, str]]:
        """(table, chain) of every IPv4 chain at the forward hook that drops what no rule accepts."""
        body = HEADER.pack(socket.AF_UNSPEC, 0, 0)
        kind = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETCHAIN
        chains = self._connection.dump(Request(kind, 0, body, "nftables: list chains"))
        return [found for each in chains if (found := _dropping_forward_chain(each))]


def is_missing(error: OSError) -> bool:
    """The kernel has no nf_tables, or no NAT in it (a namespace with the legacy tables of iptables refuses it)."""
    return error.errno in (errno.EOPNOTSUPP, errno.EPROTONOSUPPORT, errno.ENOENT, errno.EBUSY, errno.EAFNOSUPPORT)


def _type_of(fields: Sequence[int]) -> int:
    kind = 0
    for field in fields:
        kind = kind << 6 | field
    return kind


def _value(kind: int, payload: bytes) -> bytes:
    return nested(kind, attribute(NFTA_DATA_VALUE, payload))


def _list(data: bytes) -> list[dict[int, bytes]]:
    return [attributes_from_bytes(payload) for kind, payload in attribute_list(data) if kind == NFTA_LIST_ELEM]


def _pair_from_element(element: dict[int, bytes]) -> tuple[bytes, bytes]:
    key = attributes_from_bytes(element[1])[NFTA_DATA_VALUE]
    data = attributes_from_bytes(element[2])[NFTA_DATA_VALUE]
    return key, data


def _dropping_forward_chain(received: Message) -> tuple[str, str] | None:
    family = received.body[0]
    chain = attributes_from_bytes(received.body[HEADER.size :])
    hook = attributes_from_bytes(chain.get(4, b"")).get(1, b"")
    drops = chain.get(5) == bytes(4)  # NF_DROP
    if family in (socket.AF_INET, 1) and hook == struct.pack(">I", FORWARD) and drops:  # 1: the "inet" family
        return chain[1].rstrip(b"\0").decode(), chain[3].rstrip(b"\0").decode()
    return None
