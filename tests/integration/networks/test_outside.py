"""What a neighbouring host can and cannot reach, and how containers look from there."""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from ipaddress import IPv4Interface

import pytest

from slipway.dockerd.networks.local import LocalNetworks
from slipway.dockerd.networks.model import EndpointRequest, PortRequest
from slipway.linux import namespaces
from slipway.linux.namespace_flags import CLONE_NEWNET
from slipway.linux.netlink import addresses, links
from slipway.linux.netlink.connection import Connection
from tests.integration.networks.conftest import Body, Resident

pytestmark = pytest.mark.root
HERE, THERE = IPv4Interface("10.9.0.1/24"), IPv4Interface("10.9.0.2/24")
TRY = (
    "import socket,sys\n"
    "try: print(socket.create_connection((sys.argv[1],int(sys.argv[2])),.5).recv(99).decode())\n"
    "except OSError as error: print(type(error).__name__)"
)


class Neighbour:
    """Another host: a network namespace with a cable to ours, and a route to our containers' network through us."""

    def __init__(self) -> None:
        self.descriptor = -1
        made = threading.Thread(target=self._make)  # which ends in the other namespace
        made.start()
        made.join()
        assert self.descriptor >= 0
        with Connection() as connection:
            connection.request(
                links.add_veth(
                    "cable",
                    peer_name="eth0",
                    peer_address=b"\x02\0\0\0\0\x09",
                    peer_index=2,
                    peer_namespace=self.descriptor,
                    master=0,
                )
            )
            cable = links.find(connection, "cable")
            assert cable
            connection.request(addresses.add_address(cable.index, HERE))
        self.run("ip", "link", "set", "lo", "up")
        self.run("ip", "address", "add", str(THERE), "dev", "eth0")
        self.run("ip", "link", "set", "eth0", "up")
        self.run("ip", "route", "add", "172.17.0.0/16", "via", str(HERE.ip))

    def _make(self) -> None:
        namespaces.unshare(CLONE_NEWNET)
        self.descriptor = os.open("/proc/thread-self/ns/net", os.O_RDONLY)

    @property
    def path(self) -> str:
        return f"/proc/{os.getpid()}/fd/{self.descriptor}"

    def run(self, *argv: str) -> str:
        command = ["nsenter", f"--net={self.path}", *argv]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    def reach(self, address: str, port: int) -> str:
        """What a server says there, or the name of the error."""
        return self.run(sys.executable, "-c", TRY, address, str(port))


def test_neighbours_reach_published_ports_only(with_networks: Callable[[Body], None]) -> None:
    async def body(networks: LocalNetworks) -> None:
        ports = (
            PortRequest(container_port=80, host_port_low=8080, host_port_high=8080),
            PortRequest(container_port=80, host_address="127.0.0.1", host_port_low=8081, host_port_high=8081),
        )
        sandbox = await networks.connect(EndpointRequest(container_id="a" * 64, container_name="a", ports=ports))
        container, neighbour = Resident(sandbox.path), Neighbour()
        thread = asyncio.to_thread
        assert await thread(neighbour.reach, "10.9.0.1", 8080) == "10.9.0.2"
        assert await thread(neighbour.reach, "10.9.0.1", 8081) == "ConnectionRefusedError"
        assert await thread(neighbour.reach, "172.17.0.2", 80) == "TimeoutError"
        assert await thread(neighbour.reach, "172.17.0.1", 8080) == "10.9.0.2"
        container.end()

    with_networks(body)


def test_containers_look_like_the_host_from_outside(with_networks: Callable[[Body], None]) -> None:
    async def body(networks: LocalNetworks) -> None:
        sandbox = await networks.connect(EndpointRequest(container_id="a" * 64, container_name="a"))
        container, neighbour = Resident(sandbox.path), Neighbour()
        server = Resident(neighbour.path)
        seen = await asyncio.to_thread(container.run, sys.executable, "-c", TRY, "10.9.0.2", "80")
        assert seen == "10.9.0.1\n"
        container.end()
        server.end()

    with_networks(body)
