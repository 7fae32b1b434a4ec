"""Which networks are shown, and found by which names; records survive being stored."""

import json
from ipaddress import IPv4Interface

import pytest

from slipway.base.errors import NotFound
from slipway.dockerd.networks.catalogue import find_network, known_networks
from slipway.dockerd.networks.model import EndpointRecord, PublishedPort
from slipway.service.instance import Instance

RECORD = EndpointRecord(
    endpoint_id="e" * 64,
    container_id="c" * 64,
    container_name="web",
    network="bridge",
    network_id="n",
    ipv4_address="172.17.0.2",
    ipv4_prefix_length=16,
    ports=(PublishedPort(container_port=80, protocol="tcp", host_address="::", host_port=8080),),
)
NETWORKS = known_networks(Instance(), 5, IPv4Interface("172.17.0.1/16"), [RECORD])


def test_the_default_networks_are_shown_by_name() -> None:
    assert [(network.name, network.driver) for network in NETWORKS] == [
        ("bridge", "bridge"),
        ("host", "host"),
        ("none", "null"),
    ]
    assert NETWORKS[0].subnet == "172.17.0.0/16"
    assert NETWORKS[0].gateway == "172.17.0.1"
    assert NETWORKS[0].endpoints == (RECORD,)
    assert NETWORKS[2].endpoints == ()


def test_networks_are_found_by_name_id_and_prefix() -> None:
    bridge = NETWORKS[0]
    for name in ("bridge", "default", "", bridge.id, bridge.id[:12]):
        assert find_network(NETWORKS, name) is bridge
    with pytest.raises(NotFound, match="network nope not found"):
        find_network(NETWORKS, "nope")


def test_ids_stay_the_same_but_for_another_engine() -> None:
    again = known_networks(Instance(), 9, None, [])
    assert [network.id for network in again] == [network.id for network in NETWORKS]
    other = known_networks(Instance(data_root="/other"), 9, None, [])
    assert not {network.id for network in other} & {network.id for network in NETWORKS}


def test_records_survive_being_stored() -> None:
    assert EndpointRecord.from_document(json.loads(json.dumps(RECORD.document()))) == RECORD
