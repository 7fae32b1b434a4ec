"""What a container on the default bridge can reach that it must not: the host's loopback, by packets made for it."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.system.conftest import Column

# Prints each datagram and each connection's first byte that arrives on the host's loopback, one a line.
LISTEN = """
import selectors, socket
kinds = selectors.DefaultSelector()
for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
    server = socket.socket(socket.AF_INET, kind)
    server.bind(("127.0.0.1", 18099))
    if kind == socket.SOCK_STREAM:
        server.listen()
    kinds.register(server, selectors.EVENT_READ)
print("ready", flush=True)
while True:
    for key, _ in kinds.select():
        said = key.fileobj.recv(100).decode() if key.fileobj.type == socket.SOCK_DGRAM else "connected"
        if key.fileobj.type == socket.SOCK_STREAM:
            key.fileobj.accept()[0].close()
        print(said.strip(), flush=True)
"""
# The container gives up its own 127.0.0.0/8, routes it to the bridge and takes answers from there.
ROUTED = (
    "echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet; echo 0 > /proc/sys/net/ipv4/conf/all/rp_filter; "
    "ip addr del 127.0.0.1/8 dev lo; ip route add 127.0.0.0/8 via $(ip route | awk '/default/ {print $3}'); "
)


@pytest.fixture
def heard(any_network: Column) -> "Iterator[subprocess.Popen[str]]":
    """A listener on the loopback of the engine's network."""
    argv = [*any_network.enter, sys.executable, "-c", LISTEN]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as listening:
        assert listening.stdout is not None
        assert listening.stdout.readline() == "ready\n"
        yield listening
        listening.kill()


def say(enter: list[str], text: str) -> None:
    """One datagram from the host itself: what was sent before it was heard before it."""
    place = ("127.0.0.1", 18099)
    code = f"import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto({text.encode()!r}, {place})"
    subprocess.run([*enter, sys.executable, "-c", code], check=True)


def test_packets_for_the_host_s_loopback_do_not_arrive(any_network: Column, heard: "subprocess.Popen[str]") -> None:
    """CVE-2020-8558: the bridge has route_localnet, for ports published on 127.0.0.1."""
    client, enter = any_network
    client("run", "-d", "--name", "web", "-p", "127.0.0.1:18098:80", "busybox", "httpd", "-f", "-h", "/etc")
    attempts = (
        "ip route get 127.0.0.1; for i in 1 2 3; do echo from-a-container | nc -u -w1 127.0.0.1 18099; done; "
        "nc -w2 127.0.0.1 18099 </dev/null; wget -T2 -qO- http://127.0.0.1:18098/passwd"
    )
    done = client.run("run", "--rm", "--privileged", "busybox", "sh", "-c", ROUTED + attempts)
    assert "127.0.0.1 via" in done.out, done  # the packets did leave
    assert "root:" not in done.out
    say(enter, "from-the-host")
    assert heard.stdout is not None
    assert heard.stdout.readline() == "from-the-host\n"


def test_a_container_of_an_ipv4_network_has_no_ipv6(any_network: Column) -> None:
    """CVE-2024-32473."""
    assert "inet6" not in any_network.client("run", "--rm", "busybox", "ip", "addr", "show", "dev", "eth0")
