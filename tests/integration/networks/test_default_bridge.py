"""The default bridge as containers and their neighbours meet it: addresses, routes, ports, isolation, recovery."""

import asyncio
import os
import socket
import sys
from collections.abc import Callable

import pytest

from slipway.base.clock import Clock
from slipway.base.errors import FailedPrecondition, NotFound
from slipway.dockerd.networks.local import LocalNetworks
from slipway.dockerd.networks.model import EndpointRecord, EndpointRequest, PortRequest
from slipway.linux.netlink import links
from slipway.linux.netlink.connection import Connection
from tests.integration.networks.conftest import INSTANCE, Body, Resident

pytestmark = pytest.mark.root
Run = Callable[[Body], None]


def request(name: str, *ports: PortRequest, network: str = "bridge") -> EndpointRequest:
    return EndpointRequest(container_id=name * 64, container_name=name, network=network, ports=ports)


def answer(address: str, port: int, *, source: str = "") -> str:
    """What a server at that port says: the address it saw the caller at."""
    with socket.create_connection((address, port), timeout=2, source_address=(source, 0) if source else None) as client:
        return client.recv(100).decode()


def udp_answer(address: str, port: int) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(2)
        client.sendto(b"?", (address, port))
        return client.recv(100).decode()


CONNECT = "import socket,sys;c=socket.create_connection((sys.argv[1],int(sys.argv[2])),2);print(c.recv(99).decode())"


def test_a_container_has_an_address_a_route_and_loopback(with_networks: Run) -> None:
    async def body(networks: LocalNetworks) -> None:
        sandbox = await networks.connect(request("a"))
        container = Resident(sandbox.path)
        networks.release_sandbox("a" * 64)
        shown = container.run("ip", "address")
        assert "172.17.0.2/16 brd 172.17.255.255 scope global eth0" in shown
        assert "02:42:ac:11:00:02" in shown
        assert "127.0.0.1/8" in shown
        assert "::1/128" in shown
        assert "fe80" not in shown  # an IPv4 network has no IPv6
        assert container.run("ip", "route").startswith("default via 172.17.0.1 dev eth0")
        assert await asyncio.to_thread(answer, "172.17.0.2", 80) == "172.17.0.1"
        container.end()

    with_networks(body)


def test_published_ports_are_reached_from_everywhere(with_networks: Run) -> None:
    async def body(networks: LocalNetworks) -> None:
        ports = (
            PortRequest(container_port=80, host_port_low=8080, host_port_high=8080),
            PortRequest(container_port=80, protocol="udp", host_port_low=8053, host_port_high=8053),
            PortRequest(container_port=80, host_address="127.0.0.1", host_port_low=8081, host_port_high=8081),
        )
        one, two = await networks.connect(request("a", *ports)), await networks.connect(request("b"))
        server, neighbour = Resident(one.path), Resident(two.path)
        thread = asyncio.to_thread
        assert await thread(answer, "172.17.0.1", 8080) == "172.17.0.1"
        assert await thread(answer, "127.0.0.1", 8080) == "172.17.0.1"
        assert await thread(answer, "127.0.0.1", 8081) == "172.17.0.1"
        assert await thread(answer, "::1", 8080) == "172.17.0.1"
        assert await thread(udp_answer, "127.0.0.1", 8053) == "172.17.0.1"
        for container in (neighbour, server):
            assert await thread(container.run, sys.executable, "-c", CONNECT, "172.17.0.1", "8080") == "172.17.0.1\n"
        assert await thread(neighbour.run, sys.executable, "-c", CONNECT, "172.17.0.2", "80") == "172.17.0.3\n"
        await networks.disconnect(one.endpoint)
        with pytest.raises(OSError, match="refused"):
            await thread(answer, "127.0.0.1", 8080)
        server.end()
        neighbour.end()

    with_networks(body)


def test_a_container_does_not_reach_the_hosts_loopback(with_networks: Run) -> None:
    async def body(networks: LocalNetworks) -> None:
        sandbox = await networks.connect(request("a"))
        container = Resident(sandbox.path)
        with socket.create_server(("127.0.0.1", 9999)):
            container.run("sh", "-c", "echo 1 > /proc/sys/net/ipv4/conf/eth0/route_localnet")
            container.run("ip", "route", "del", "table", "local", "127.0.0.0/8")
            container.run("ip", "route", "add", "127.0.0.9/32", "via", "172.17.0.1")
            script = CONNECT.replace("),2)", "),.3,('172.17.0.2',0))") + ";"
            tried = await asyncio.to_thread(
                lambda: container.run("sh", "-c", f'{sys.executable} -c "{script}" 127.0.0.9 9999 2>&1 || true')
            )
        assert "timed out" in tried
        container.end()

    with_networks(body)


def test_a_port_in_use_is_refused_in_the_originals_words(with_networks: Run) -> None:
    async def body(networks: LocalNetworks) -> None:
        taken = PortRequest(container_port=80, host_port_low=8080, host_port_high=8080)
        first = await networks.connect(request("a", taken))
        with pytest.raises(
            FailedPrecondition, match=r"endpoint b \(\w{64}\): Bind for 0\.0\.0\.0:8080 failed: port is already"
        ):
            await networks.connect(request("b", taken))
        with socket.create_server(("127.0.0.1", 8099)):
            foreign = PortRequest(container_port=80, host_port_low=8099, host_port_high=8099)
            with pytest.raises(
                FailedPrecondition,
                match=r"failed to bind host port for 0\.0\.0\.0:8099:172\.17\.0\.\d:80/tcp: address already",
            ):
                await networks.connect(request("b", foreign))
        await networks.disconnect(first.endpoint)
        again = await networks.connect(request("b", taken))
        assert [(port.host_address, port.host_port) for port in again.endpoint.ports] == [
            ("0.0.0.0", 8080),
            ("::", 8080),
        ]

    with_networks(body)


def test_ranges_and_ports_of_the_kernels_choice(with_networks: Run) -> None:
    async def body(networks: LocalNetworks) -> None:
        span = PortRequest(container_port=80, host_port_low=8090, host_port_high=8091)
        sandboxes = [await networks.connect(request(name, span)) for name in "ab"]
        assert [sandbox.endpoint.ports[0].host_port for sandbox in sandboxes] == [8090, 8091]
        with pytest.raises(FailedPrecondition, match="8091 failed: port is already allocated"):
            await networks.connect(request("c", span))
        any_port = (await networks.connect(request("d", PortRequest(container_port=80)))).endpoint.ports
        assert any_port[0].host_port == any_port[1].host_port > 1023

    with_networks(body)


def test_no_network_is_loopback_alone_and_unknown_ones_are_refused(with_networks: Run) -> None:
    async def body(networks: LocalNetworks) -> None:
        sandbox = await networks.connect(request("a", network="none"))
        container = Resident(sandbox.path)
        assert "eth0" not in container.run("ip", "address")
        assert "127.0.0.1/8" in container.run("ip", "address")
        with pytest.raises(NotFound, match="network nope not found"):
            await networks.connect(request("b", network="nope"))
        container.end()

    with_networks(body)


def test_everything_of_a_namespace_goes_with_it(with_networks: Run) -> None:
    async def body(networks: LocalNetworks) -> None:
        sandbox = await networks.connect(request("a"))
        name = sandbox.endpoint.host_interface
        with Connection() as connection:
            assert links.find(connection, name)
            descriptors = len(os.listdir("/proc/self/fd"))
            await networks.disconnect(sandbox.endpoint)
            await networks.disconnect(sandbox.endpoint)
            assert len(os.listdir("/proc/self/fd")) == descriptors - 1
            async with asyncio.timeout(5):
                while links.find(connection, name):
                    await asyncio.sleep(0.005)

    with_networks(body)


def test_a_new_daemon_takes_over_what_a_killed_one_left(run_apart: Callable[[Callable[[], None]], None]) -> None:
    async def main() -> None:
        before = LocalNetworks(INSTANCE, Clock())
        await before.start(())
        published = PortRequest(container_port=80, host_port_low=8080, host_port_high=8080)
        kept, lost = await before.connect(request("a", published)), await before.connect(request("b"))
        container, orphan = Resident(kept.path), Resident(lost.path)
        await before.stop()  # as a death would: sockets and threads go, kernel state stays
        assert await asyncio.to_thread(answer, "127.0.0.1", 8080) == "172.17.0.1"

        after = LocalNetworks(INSTANCE, Clock())
        record = EndpointRecord.from_document(kept.endpoint.document())
        await after.start([record])
        with Connection() as connection:
            assert links.find(connection, lost.endpoint.host_interface) is None
            assert links.find(connection, kept.endpoint.host_interface)
        assert await asyncio.to_thread(answer, "127.0.0.1", 8080) == "172.17.0.1"
        assert await asyncio.to_thread(answer, "::1", 8080) == "172.17.0.1"
        with pytest.raises(FailedPrecondition, match="port is already allocated"):
            await after.connect(request("c", published))
        assert (await after.connect(request("d"))).endpoint.ipv4_address != "172.17.0.2"
        await after.disconnect(record)
        with pytest.raises(OSError, match="refused"):
            await asyncio.to_thread(answer, "127.0.0.1", 8080)
        container.end()
        orphan.end()
        await after.stop()

    run_apart(lambda: asyncio.run(main()))


def test_a_cancelled_connect_leaves_nothing(with_networks: Run) -> None:
    async def body(networks: LocalNetworks) -> None:
        descriptors = len(os.listdir("/proc/self/fd"))
        wanted = request("a", PortRequest(container_port=80, host_port_low=8080, host_port_high=8080))
        connecting = asyncio.ensure_future(networks.connect(wanted))
        await asyncio.sleep(0)  # it has begun
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
        assert len(os.listdir("/proc/self/fd")) <= descriptors + 3  # a worker's two sockets and namespace
        again = await networks.connect(wanted)
        assert again.endpoint.ports

    with_networks(body)


def test_a_sweep_spares_links_that_are_being_made(with_networks: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each disconnect sweeps at once here, while others connect."""
    monkeypatch.setattr("slipway.dockerd.networks.local.SECONDS_UNTIL_SWEEP", 0.0)

    async def come_and_go(networks: LocalNetworks, name: str) -> None:
        for _ in range(10):
            sandbox = await networks.connect(request(name))
            await networks.disconnect(sandbox.endpoint)

    async def body(networks: LocalNetworks) -> None:
        await asyncio.gather(*(come_and_go(networks, name) for name in "abcdef"))

    with_networks(body)


def test_a_udp_sender_that_never_pauses_finds_the_container_and_its_successor(with_networks: Run) -> None:
    async def body(networks: LocalNetworks) -> None:
        published = PortRequest(container_port=80, protocol="udp", host_port_low=8053, host_port_high=8053)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(2)
            client.connect(("172.17.0.1", 8053))

            def ask() -> bytes:
                client.send(b"?")
                return client.recv(100)

            with pytest.raises(ConnectionRefusedError):
                ask()
            for name in "ab":
                sandbox = await networks.connect(request(name, published))
                container = Resident(sandbox.path)
                assert await asyncio.to_thread(ask) == b"172.17.0.1"
                await networks.disconnect(sandbox.endpoint)
                container.end()

    with_networks(body)
