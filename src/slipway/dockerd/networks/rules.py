"""Our firewall table as data: what the kernel is told, and which map elements publish a port. Pure.

Everything of ours is in one table, named by the instance; nothing outside it changes. A port is one element of a map,
so that three thousand of them cost three thousand elements and no rule:

    published_any       protocol . port            → container address . port     published on every address
    published_address   protocol . address . port  → container address . port     published on one

Packets for the host are looked up there when they come in (prerouting) and when the host itself sends them (output), so
that localhost works as well; replies to those go through the bridge's address (masquerade).
"""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network

from slipway.dockerd.networks.model import PublishedPort
from slipway.linux import nftables_expressions as match
from slipway.linux.conntrack import forget_answers_of, forget_to_port
from slipway.linux.netlink.connection import Request
from slipway.linux.nftables import (
    FORWARD,
    LOCAL_OUT,
    POSTROUTING,
    PREROUTING,
    PRIORITY_DSTNAT,
    PRIORITY_FILTER,
    PRIORITY_RAW,
    PRIORITY_SRCNAT,
    TYPE_INET_PROTOCOL,
    TYPE_INET_SERVICE,
    TYPE_IPV4_ADDRESS,
    Table,
)

ANY, ADDRESS = "published_any", "published_address"
LOOPBACK = IPv4Network("127.0.0.0/8")
UDP = 17
PROTOCOLS = {"tcp": 6, "udp": UDP, "sctp": 132}
# A message's list of elements is one attribute of at most 64 KiB; an element takes 56 bytes at most.
ELEMENTS_IN_ONE_REQUEST = 1000

Element = tuple[str, bytes, bytes]  # map, key, data


def whole_table(
    table: Table, bridge: str, network: IPv4Network, elements: Sequence[Element], *, masquerade: bool = True
) -> list[Request]:
    """Replace our table, whatever was in it, in one transaction: for every start, after any crash."""
    return [
        table.add(),  # so that deleting it cannot fail
        table.delete(),
        table.add(),
        table.add_map(ANY, 1, (TYPE_INET_PROTOCOL, TYPE_INET_SERVICE), (TYPE_IPV4_ADDRESS, TYPE_INET_SERVICE)),
        table.add_map(
            ADDRESS,
            2,
            (TYPE_INET_PROTOCOL, TYPE_IPV4_ADDRESS, TYPE_INET_SERVICE),
            (TYPE_IPV4_ADDRESS, TYPE_INET_SERVICE),
        ),
        *_guard(table, bridge),
        *_destinations(table),
        *_sources(table, bridge, network, masquerade),
        *_forwarding(table, bridge),
        *publish(table, elements),
    ]


def publish(table: Table, elements: Iterable[Element]) -> list[Request]:
    return [table.add_elements(name, [(key, data) for _, key, data in part]) for name, part in _by_map(elements)]


def unpublish(table: Table, elements: Iterable[Element]) -> list[Request]:
    return [table.delete_elements(name, [key for _, key, _ in part]) for name, part in _by_map(elements)]


def connections_before(elements: Iterable[Element]) -> list[Request]:
    """UDP connections that began before these ports were published, and would pass them by."""
    ports = {int.from_bytes(key[-4:-2], "big") for _, key, _ in elements if key[0] == UDP}
    return [forget_to_port(UDP, port) for port in sorted(ports)]


def connections_of(elements: Iterable[Element]) -> list[Request]:
    """UDP connections that would go on to the container after these ports were its."""
    addresses = {IPv4Address(data[:4]) for _, key, data in elements if key[0] == UDP}
    return [forget_answers_of(UDP, address) for address in sorted(addresses)]


def elements_of(ports: Iterable[PublishedPort], address: str) -> list[Element]:
    """The map elements for the IPv4 ports of a container. IPv6 ports have none: the relay serves them."""
    return [_element(port, IPv4Address(address)) for port in ports if ":" not in port.host_address]


def _element(port: PublishedPort, address: IPv4Address) -> Element:
    protocol = bytes((PROTOCOLS[port.protocol], 0, 0, 0))
    host = IPv4Address(port.host_address)
    data = address.packed + _port(port.container_port)
    if host.is_unspecified:
        return ANY, protocol + _port(port.host_port), data
    return ADDRESS, protocol + host.packed + _port(port.host_port), data


def _port(number: int) -> bytes:
    return number.to_bytes(2, "big") + bytes(2)


def _by_map(elements: Iterable[Element]) -> list[tuple[str, list[Element]]]:
    sorted_elements = list(elements)
    parts = []
    for name in (ANY, ADDRESS):
        mine = [element for element in sorted_elements if element[0] == name]
        parts += [
            (name, mine[first : first + ELEMENTS_IN_ONE_REQUEST])
            for first in range(0, len(mine), ELEMENTS_IN_ONE_REQUEST)
        ]
    return parts


def _guard(table: Table, bridge: str) -> list[Request]:
    """With route_localnet the kernel would take a container's packets for 127.0.0.1 (CVE-2020-8558)."""
    rule = [*match.comes_in_by(bridge), *match.to_network(LOOPBACK), match.drop()]
    return [
        table.add_chain("guard", "filter", PREROUTING, PRIORITY_RAW),
        table.add_rule("guard", rule, "the host's loopback is not the containers'"),
    ]


def _destinations(table: Table) -> list[Request]:
    requests = []
    for chain, hook in (("prerouting", PREROUTING), ("output", LOCAL_OUT)):
        requests.append(table.add_chain(chain, "nat", hook, PRIORITY_DSTNAT))
        for name in (ADDRESS, ANY):
            rule = match.translate_destination(name, with_address=name == ADDRESS)
            requests.append(table.add_rule(chain, [*match.to_this_host(), *rule]))
    return requests


def _sources(table: Table, bridge: str, network: IPv4Network, masquerade: bool) -> list[Request]:
    chain = "postrouting"
    leaving = [*match.from_network(network), *match.goes_out_elsewhere(bridge), match.masquerade()]
    local = [*match.goes_out_by(bridge), *match.from_network(LOOPBACK), match.masquerade()]
    hairpin = [
        *match.goes_out_by(bridge),
        *match.from_network(network),
        *match.of_translated_connections(),
        match.masquerade(),
    ]
    requests = [table.add_chain(chain, "nat", POSTROUTING, PRIORITY_SRCNAT)]
    if masquerade:
        requests.append(table.add_rule(chain, leaving, "containers to the world"))
    return [
        *requests,
        table.add_rule(chain, local, "localhost to a published port"),
        table.add_rule(chain, hairpin, "a container to a published port"),
    ]


def _forwarding(table: Table, bridge: str) -> list[Request]:
    """From outside, a container can be reached by its published ports only."""
    chain = "forward"
    return [
        table.add_chain(chain, "filter", FORWARD, PRIORITY_FILTER),
        table.add_rule(chain, [*match.goes_out_by(bridge), *match.of_known_connections(), match.accept()], "replies"),
        table.add_rule(chain, [*match.comes_in_by(bridge), match.accept()], "from containers"),
        table.add_rule(
            chain, [*match.goes_out_by(bridge), *match.of_translated_connections(), match.accept()], "published ports"
        ),
        table.add_rule(chain, [*match.goes_out_by(bridge), match.drop()], "isolation"),
    ]
