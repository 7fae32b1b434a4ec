"""The networks that list and inspect show. Pure."""

import hashlib
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Interface

from slipway.base.errors import NotFound
from slipway.dockerd.networks.model import EndpointRecord, Network
from slipway.service.instance import Instance

BRIDGE, HOST, NONE = "bridge", "host", "none"


def known_networks(
    instance: Instance, created: int, bridge_address: IPv4Interface | None, endpoints: Iterable[EndpointRecord]
) -> list[Network]:
    """bridge, host, none: by name. `created` is when this daemon made them known."""
    records = list(endpoints)
    return [
        _default_bridge(instance, created, bridge_address, records),
        Network(id=network_id(instance, HOST), name=HOST, driver="host", created=created),
        Network(id=network_id(instance, NONE), name=NONE, driver="null", created=created, endpoints=_of(records, NONE)),
    ]


def find_network(networks: Sequence[Network], name_or_id: str) -> Network:
    """By name ("default" is the bridge), id, or the beginning of one id only. Raises NotFound."""
    for network in networks:
        if name_or_id in (network.name, network.id) or (name_or_id in ("", "default") and network.name == BRIDGE):
            return network
    found = [network for network in networks if network.id.startswith(name_or_id)]
    if len(found) != 1:
        raise NotFound(f"network {name_or_id} not found")
    return found[0]


def network_id(instance: Instance, name: str) -> str:
    """The same after every restart, so that what containers remember stays right."""
    return hashlib.sha256(f"slipway network {instance.data_root} {name}".encode()).hexdigest()


def _default_bridge(
    instance: Instance, created: int, address: IPv4Interface | None, records: list[EndpointRecord]
) -> Network:
    return Network(
        id=network_id(instance, BRIDGE),
        name=BRIDGE,
        driver="bridge",
        created=created,
        subnet=str(address.network) if address else "",
        gateway=str(address.ip) if address else "",
        options={
            "com.docker.network.bridge.default_bridge": "true",
            "com.docker.network.bridge.enable_icc": "true",
            "com.docker.network.bridge.enable_ip_masquerade": "true",
            "com.docker.network.bridge.host_binding_ipv4": "0.0.0.0",
            "com.docker.network.bridge.name": instance.bridge,
            "com.docker.network.driver.mtu": "1500",
        },
        endpoints=_of(records, BRIDGE),
    )


def _of(records: list[EndpointRecord], network: str) -> tuple[EndpointRecord, ...]:
    return tuple(record for record in records if record.network == network)
