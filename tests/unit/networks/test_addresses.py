"""Which addresses are given out."""

from ipaddress import IPv4Address, IPv4Interface, IPv4Network

import pytest

from slipway.base.errors import FailedPrecondition, InvalidArgument, Unavailable
from slipway.dockerd.networks.addresses import AddressPool, free_network, mac_from_address
from slipway.service.instance import Instance

POOLS = Instance().address_pools


def test_addresses_follow_each_other_and_are_not_reused_at_once() -> None:
    pool = AddressPool(IPv4Interface("172.17.0.1/16"))
    first = pool.allocate()
    assert str(first) == "172.17.0.2"
    pool.release(first)
    assert str(pool.allocate()) == "172.17.0.3"


def test_a_small_network_is_used_up_to_its_end_and_from_its_start_again() -> None:
    pool = AddressPool(IPv4Interface("10.0.0.1/29"))
    given = [pool.allocate() for _ in range(5)]
    assert [str(address) for address in given] == [f"10.0.0.{number}" for number in range(2, 7)]
    with pytest.raises(Unavailable, match="no available IPv4 addresses"):
        pool.allocate()
    pool.release(given[2])
    pool.release(given[2])
    assert pool.allocate() == given[2]


def test_a_wanted_address_is_given_once() -> None:
    pool = AddressPool(IPv4Interface("10.0.0.1/29"))
    assert str(pool.allocate("10.0.0.5")) == "10.0.0.5"
    for taken in ("10.0.0.5", "10.0.0.1"):
        with pytest.raises(FailedPrecondition, match="Address already in use"):
            pool.allocate(taken)
    for foreign in ("10.0.0.0", "10.0.0.7", "10.0.1.1"):
        with pytest.raises(InvalidArgument, match="is not of the network"):
            pool.allocate(foreign)


def test_the_first_network_that_overlaps_nothing_is_taken() -> None:
    assert free_network(POOLS, []) == IPv4Interface("172.17.0.1/16")
    occupied = [IPv4Network("172.17.4.0/24"), IPv4Network("172.18.0.0/15")]
    assert free_network(POOLS, occupied) == IPv4Interface("172.20.0.1/16")
    assert free_network(POOLS, [IPv4Network("172.16.0.0/12")]) == IPv4Interface("192.168.0.1/20")
    with pytest.raises(Unavailable, match="fully subnetted"):
        free_network(POOLS, [IPv4Network("0.0.0.0/0")])


def test_a_mac_says_its_address() -> None:
    assert mac_from_address(IPv4Address("172.17.0.2")).hex(":") == "02:42:ac:11:00:02"
