"""Which IPv4 address a container gets, and which network a bridge. Pure: decides, changes nothing outside itself."""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from itertools import chain

from slipway.base.errors import FailedPrecondition, InvalidArgument, Unavailable


class AddressPool:
    """The addresses of one network.

    They are given out in turn, not lowest first: the namespace of a container that has ended answers for its address
    until the kernel has taken it apart (tens of milliseconds), so an address just freed is the worst one to give to
    the next.
    """

    def __init__(self, gateway: IPv4Interface) -> None:
        self.network: IPv4Network = gateway.network
        self._first = int(self.network.network_address) + 1
        self._last = int(self.network.broadcast_address) - 1
        self._taken = {int(gateway.ip)}
        self._next = self._first

    def allocate(self, wanted: str = "") -> IPv4Address:
        """`wanted`, or the next free one. Raises Unavailable, InvalidArgument (not of this network) or
        FailedPrecondition (taken)."""
        if wanted:
            return self._allocate_exactly(IPv4Address(wanted))
        for candidate in chain(range(self._next, self._last + 1), range(self._first, self._next)):
            if candidate not in self._taken:
                self._taken.add(candidate)
                self._next = candidate + 1 if candidate < self._last else self._first
                return IPv4Address(candidate)
        raise Unavailable("no available IPv4 addresses on this network's address pools")

    def release(self, address: IPv4Address) -> None:
        """Idempotent."""
        self._taken.discard(int(address))

    def _allocate_exactly(self, address: IPv4Address) -> IPv4Address:
        if not self._first <= int(address) <= self._last:
            raise InvalidArgument(f"address {address} is not of the network {self.network}")
        if int(address) in self._taken:
            raise FailedPrecondition("Address already in use")
        self._taken.add(int(address))
        return address


def free_network(pools: Iterable[tuple[str, int]], occupied: Iterable[IPv4Network]) -> IPv4Interface:
    """The first network of the pools that overlaps nothing, with its first address as the bridge's own.

    A pool is (where to begin, prefix length of one network): "172.17.0.0/12" begins at 172.17 and ends at 172.31.
    """
    taken = list(occupied)
    for network in _networks(pools):
        if not any(network.overlaps(other) for other in taken):
            return IPv4Interface((int(network.network_address) + 1, network.prefixlen))
    raise Unavailable(
        "all predefined address pools have been fully subnetted",
        hint="name a free network: --bip, or default-address-pools in the configuration",
    )


def mac_from_address(address: IPv4Address) -> bytes:
    """A local Ethernet address that says the IPv4 one: whoever remembers a neighbour by an address that went to another
    container still finds it (docs/decisions/container-networks.md)."""
    return b"\x02\x42" + address.packed


def _networks(pools: Iterable[tuple[str, int]]) -> Iterator[IPv4Network]:
    for base, prefix_length in pools:
        begin = IPv4Interface(base)
        step = 1 << (32 - prefix_length)
        for address in range(int(begin.ip), int(begin.network.broadcast_address) + 1, step):
            yield IPv4Network((address, prefix_length))
