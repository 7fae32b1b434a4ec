"""Which ports of the host are held, refused and given back; on real sockets of the loopback."""

import socket
from collections.abc import Iterator

import pytest

from slipway.base.errors import FailedPrecondition, InvalidArgument
from slipway.dockerd.networks.model import PortRequest, PublishedPort
from slipway.dockerd.networks.ports import PortTable


@pytest.fixture
def table() -> Iterator[PortTable]:
    table = PortTable(has_ipv6=False)
    yield table
    for name in ("a", "b"):
        table.release(name)


def local(low: int = 0, high: int = 0, protocol: str = "tcp") -> PortRequest:
    return PortRequest(
        container_port=80, protocol=protocol, host_address="127.0.0.1", host_port_low=low, host_port_high=high or low
    )


def test_a_port_is_held_until_it_is_given_back(table: PortTable) -> None:
    number = table.publish("a", [local()], "172.17.0.2")[0].port.host_port
    with pytest.raises(OSError, match="in use"), socket.socket() as other:
        other.bind(("127.0.0.1", number))
    with pytest.raises(FailedPrecondition, match=rf"Bind for 127\.0\.0\.1:{number} failed: port is already allocated"):
        table.publish("b", [local(number)], "172.17.0.3")
    table.release("a")
    table.release("a")
    assert table.publish("b", [local(number)], "172.17.0.3")[0].port.host_port == number


def test_the_same_number_of_another_protocol_is_free(table: PortTable) -> None:
    number = table.publish("a", [local()], "172.17.0.2")[0].port.host_port
    assert table.publish("b", [local(number, protocol="udp")], "172.17.0.3")


def test_a_failure_gives_all_back(table: PortTable) -> None:
    first = table.publish("a", [local()], "172.17.0.2")[0].port.host_port
    table.release("a")
    with socket.create_server(("127.0.0.1", 0)) as busy:
        taken = busy.getsockname()[1]
        with pytest.raises(
            FailedPrecondition,
            match=rf"failed to bind host port for 127\.0\.0\.1:{taken}:172\.17\.0\.2:80/tcp: address already in use",
        ):
            table.publish("a", [local(first), local(taken)], "172.17.0.2")
    assert table.publish("b", [local(first)], "172.17.0.3")


def test_a_range_gives_its_first_free_port(table: PortTable) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        taken = busy.getsockname()[1]
        held = table.publish("a", [local(taken, taken + 3)], "172.17.0.2")
    assert taken < held[0].port.host_port <= taken + 3


def test_ports_of_a_dead_daemon_are_taken_over_also_when_somebody_has_them(table: PortTable) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = PublishedPort(
            container_port=80, protocol="tcp", host_address="127.0.0.1", host_port=busy.getsockname()[1]
        )
        assert table.take_over("a", [port]) == {port: "Address already in use"}
    with pytest.raises(FailedPrecondition, match="already allocated"):
        table.publish("b", [local(port.host_port)], "172.17.0.3")


def test_unknown_protocols_are_refused(table: PortTable) -> None:
    with pytest.raises(InvalidArgument, match="invalid protocol: icmp"):
        table.publish("a", [local(protocol="icmp")], "172.17.0.2")
