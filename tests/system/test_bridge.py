"""The default bridge: addresses, published ports, NAT, neighbours. By Docker's client on ours and on the original."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import images
from tests.support.sandbox import Sandbox
from tests.support.waiting import wait_until
from tests.system import ask
from tests.system.conftest import Column

SERVER = ("busybox", "httpd", "-f", "-p", "80", "-h", "/etc")
PASSWD = "root:x:0:0"
ADDRESS = "{{.NetworkSettings.Networks.bridge.IPAddress}}"


def serves(enter: list[str], url: str) -> None:
    wait_until(lambda: PASSWD in ask.http(enter, url), f"an answer from {url}")


def links(enter: list[str]) -> set[str]:
    """The links of the engine's network whose other side is a container."""
    listed = subprocess.run([*enter, "ip", "-o", "link"], capture_output=True, text=True, check=True).stdout
    return {line.split(":")[1].strip() for line in listed.splitlines() if "veth" in line}


def test_a_container_has_an_address_that_answers(any_network: Column) -> None:
    client, enter = any_network
    client("run", "-d", "--name", "box", *SERVER)
    address = client("inspect", "-f", ADDRESS, "box")
    serves(enter, f"http://{address}/passwd")
    assert f"{address}\tbox" not in client(
        "exec", "box", "cat", "/etc/hosts"
    )  # the name is the host name, the short id
    assert address in client("exec", "box", "cat", "/etc/hosts")


def test_neighbours_reach_each_other(any_network: Column) -> None:
    client, enter = any_network
    client("run", "-d", "--name", "box", *SERVER)
    address = client("inspect", "-f", ADDRESS, "box")
    serves(enter, f"http://{address}/passwd")
    assert PASSWD in client("run", "--rm", "busybox", "wget", "-qO-", f"http://{address}/passwd")


def test_a_published_port_answers_on_every_path(any_network: Column) -> None:
    client, enter = any_network
    client("run", "-d", "--name", "box", "-p", "18090:80", *SERVER)
    gateway = client("inspect", "-f", "{{.NetworkSettings.Networks.bridge.Gateway}}", "box")
    serves(enter, "http://127.0.0.1:18090/passwd")
    serves(enter, "http://localhost:18090/passwd")
    serves(enter, f"http://{gateway}:18090/passwd")
    assert PASSWD in client("run", "--rm", "busybox", "wget", "-qO-", f"http://{gateway}:18090/passwd")
    assert PASSWD in client("exec", "box", "wget", "-qO-", f"http://{gateway}:18090/passwd")  # itself, by its own port


def test_a_port_published_on_one_address_answers_there_alone(any_network: Column) -> None:
    client, enter = any_network
    client("run", "-d", "--name", "box", "-p", "127.0.0.1:18091:80", *SERVER)
    gateway = client("inspect", "-f", "{{.NetworkSettings.Networks.bridge.Gateway}}", "box")
    serves(enter, "http://127.0.0.1:18091/passwd")
    assert ask.http(enter, f"http://{gateway}:18091/passwd") == ""


def test_a_port_that_the_engine_chooses(any_network: Column) -> None:
    client, enter = any_network
    client("run", "-d", "--name", "box", "-p", "80", *SERVER)
    port = client("port", "box", "80/tcp").splitlines()[0].rpartition(":")[2]
    assert 32768 <= int(port) <= 60999
    serves(enter, f"http://127.0.0.1:{port}/passwd")


def test_a_published_udp_port(any_network: Column, tmp_path: Path) -> None:
    client, enter = any_network
    client("load", "-i", str(images.of_program(Path(__file__).with_name("udp_echo.c"), tmp_path)))
    client("run", "-d", "--name", "box", "-p", "18092:7/udp", "udp_echo")
    table = f"/proc/{client('inspect', '-f', '{{.State.Pid}}', 'box')}/net/udp"
    wait_until(lambda: ":0007 " in Path(table).read_text(), "the container to listen")
    assert ask.udp(enter, "127.0.0.1", 18092) == "ping\n"
    client("rm", "-f", "box")
    client("rmi", "udp_echo")


def test_what_goes_out_bears_the_host_s_address(any_network: Column, outside: Sandbox) -> None:
    client, enter = any_network
    _cable(enter, outside)
    server = ask.server_that_tells_who_asks(outside.command())
    try:
        said = client("run", "--rm", "busybox", "nc", "-w", "5", "198.51.100.2", "7000")
        assert said == "hello from outside"
        assert server.stdout is not None
        assert server.stdout.readline() == "198.51.100.1\n"
    finally:
        server.kill()
        server.communicate()
        subprocess.run([*enter, "ip", "link", "del", "cable"], check=True)


def test_a_published_port_answers_to_the_outside(any_network: Column, outside: Sandbox) -> None:
    client, enter = any_network
    _cable(enter, outside)
    try:
        client("run", "-d", "--name", "box", "-p", "18093:80", *SERVER)
        serves(enter, "http://127.0.0.1:18093/passwd")
        serves(outside.command(), "http://198.51.100.1:18093/passwd")
    finally:
        subprocess.run([*enter, "ip", "link", "del", "cable"], check=True)


def test_unpublished_ports_are_closed_to_the_outside(any_network: Column, outside: Sandbox) -> None:
    client, enter = any_network
    _cable(enter, outside)
    outside.run("ip", "route", "add", "172.16.0.0/12", "via", "198.51.100.1")
    try:
        client("run", "-d", "--name", "box", *SERVER)
        address = client("inspect", "-f", ADDRESS, "box")
        serves(enter, f"http://{address}/passwd")
        assert ask.http(outside.command(), f"http://{address}/passwd") == ""
    finally:
        subprocess.run([*enter, "ip", "link", "del", "cable"], check=True)


def test_nothing_is_left_of_a_container_s_network(any_network: Column) -> None:
    client, enter = any_network
    wait_until(lambda: not links(enter), "the links of earlier containers to go, which the kernel does when it likes")
    client("run", "-d", "--name", "box", "-p", "18094:80", *SERVER)
    serves(enter, "http://127.0.0.1:18094/passwd")
    assert len(links(enter)) == 1
    client("rm", "-f", "box")
    wait_until(lambda: not links(enter), "the link to go")
    assert ask.http(enter, "http://127.0.0.1:18094/passwd") == ""
    client("run", "--rm", "-p", "18094:80", "busybox", "true")


def test_an_address_is_given_again_but_not_twice(any_network: Column) -> None:
    client, _ = any_network
    for name in ("box1", "box2", "box3"):
        client("run", "-d", "--name", name, "busybox", "sleep", "60")
    addresses = [client("inspect", "-f", ADDRESS, name) for name in ("box1", "box2", "box3")]
    assert len(set(addresses)) == 3
    client("rm", "-f", "box2")
    client("run", "-d", "--name", "box4", "busybox", "sleep", "60")
    assert client("inspect", "-f", ADDRESS, "box4") not in (addresses[0], addresses[2])


@pytest.fixture
def outside() -> Iterator[Sandbox]:
    """Another machine: a network of its own, to be joined by `_cable`."""
    sandbox = Sandbox()
    yield sandbox
    sandbox.close()


def _cable(enter: list[str], outside: Sandbox) -> None:
    """Join the engine's network (198.51.100.1) and the outside (198.51.100.2)."""
    pair = f"ip link add cable type veth peer name cable netns {outside.pid}"
    address = "ip addr add 198.51.100.1/24 dev cable && ip link set cable up"
    subprocess.run([*enter, "sh", "-c", f"{pair} && {address}"], check=True)
    outside.run("sh", "-c", "ip addr add 198.51.100.2/24 dev cable && ip link set cable up")
