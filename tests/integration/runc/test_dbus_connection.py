"""A D-Bus connection with a service that is sometimes odd, and with a real bus where there is one."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from slipway.base.errors import Unavailable
from slipway.transport.plain.dbus import BUS, CallFailed, Connection
from slipway.wire.dbus import Call, Messages
from slipway.wire.dbus_values import Variant, encode_values

if TYPE_CHECKING:
    from slipway.wire.dbus_values import Value

OK = (b"DATA\r\n", b"OK 1234\r\n")
TIMEOUT = 20.0
SHORT = 0.1
CALL = Call("/a", "b.c", "D", "s", ["x"])
CONFIGURATION = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path={path}</listen><policy context="default">
<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>"""


def message(kind: int, fields: list[tuple[int, Variant]], signature: str, body: list[Value]) -> bytes:
    """One from the service, little endian."""
    if signature:
        fields = [*fields, (8, Variant("g", signature))]
    raw = encode_values(signature, body)
    header = encode_values("yyyyuua(yv)", [ord("l"), kind, 1, 1, len(raw), 9, fields])
    return header + bytes(-len(header) % 8) + raw


def reply(serial: int, signature: str = "", *body: Value) -> bytes:
    return message(2, [(5, Variant("u", serial))], signature, list(body))


def failure(serial: int, name: str, *body: Value) -> bytes:
    return message(3, [(5, Variant("u", serial)), (4, Variant("s", name))], "s" * len(body), list(body))


def signal(member: str, *body: Value) -> bytes:
    return message(4, [(1, Variant("o", "/a")), (2, Variant("s", "b.c")), (3, Variant("s", member))], "ss", list(body))


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """`service(*lines, calls=answers)`: a socket's path. A line answers a line, an answer one call. Then it listens."""
    threads: list[threading.Thread] = []
    listener = socket.socket(socket.AF_UNIX)

    def serve(lines: tuple[bytes, ...], answers: list[bytes]) -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as stream:
            for line in lines:
                stream.readline()
                connection.sendall(line)
            stream.readline()  # BEGIN
            messages = Messages()
            for answer in answers:
                while not messages.feed(stream.read1()):
                    pass
                connection.sendall(answer)
            while stream.read1():
                pass

    def start(*lines: bytes, calls: list[bytes]) -> str:
        path = str(tmp_path / "socket")
        listener.bind(path)
        listener.listen()
        threads.append(threading.Thread(target=serve, args=(lines, calls)))
        threads[0].start()
        return path

    yield start
    for thread in threads:
        thread.join(TIMEOUT)
    listener.close()


def connect(path: str) -> Connection:
    return Connection(path, TIMEOUT, is_bus=False)


def test_a_call_has_its_answer_and_what_comes_before_is_kept(service: Callable[..., str]) -> None:
    answer = signal("Gone", "x", "yes") + reply(77) + signal("Other", "", "") + reply(1, "u", 5)
    connection = connect(service(*OK, calls=[answer]))
    assert connection.call(CALL, TIMEOUT) == [5]
    assert connection.wait_signal("Gone", "x", TIMEOUT).texts() == ["x", "yes"]
    connection.close()


def test_an_error_has_its_name_and_its_words(service: Callable[..., str]) -> None:
    connection = connect(service(*OK, calls=[failure(1, "org.example.No", "because")]))
    with pytest.raises(CallFailed, match=r"^because$") as caught:
        connection.call(CALL, TIMEOUT)
    assert caught.value.name == "org.example.No"
    connection.close()


def test_an_error_without_words_is_its_name(service: Callable[..., str]) -> None:
    connection = connect(service(*OK, calls=[failure(1, "org.example.Why")]))
    with pytest.raises(CallFailed, match=r"^org\.example\.Why$"):
        connection.call(CALL, TIMEOUT)
    connection.close()


def test_no_answer_in_time_is_unavailable(service: Callable[..., str]) -> None:
    connection = connect(service(*OK, calls=[]))
    with pytest.raises(Unavailable, match="no answer in time"):
        connection.call(CALL, SHORT)
    with pytest.raises(Unavailable, match="no answer in time"):
        connection.wait_signal("Gone", "x", SHORT)
    connection.close()


def test_what_is_not_dbus_is_unavailable(service: Callable[..., str]) -> None:
    connection = connect(service(*OK, calls=[b"HTTP/1.1 400 Bad Request\r\n"]))
    with pytest.raises(Unavailable, match="does not speak D-Bus"):
        connection.call(CALL, TIMEOUT)
    connection.close()


def test_a_refusal_is_unavailable_with_its_words(service: Callable[..., str]) -> None:
    with pytest.raises(Unavailable, match="REJECTED EXTERNAL"):
        connect(service(b"REJECTED EXTERNAL\r\n", calls=[]))


def test_a_socket_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=f"connect to {tmp_path}/none: No such file"):
        connect(f"{tmp_path}/none")


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[str]:
    """The address of a real bus."""
    path = tmp_path / "bus"
    (tmp_path / "bus.conf").write_text(CONFIGURATION.format(path=path))
    argv = ["dbus-daemon", f"--config-file={tmp_path}/bus.conf", "--nofork", "--nopidfile", "--print-address"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as daemon:
        assert daemon.stdout is not None
        daemon.stdout.readline()
        yield str(path)
        daemon.terminate()


@pytest.mark.vm
def test_a_real_bus_understands_us(bus: str) -> None:
    connection = Connection(bus, TIMEOUT, is_bus=True)
    call = Call("/org/freedesktop/DBus", BUS, "GetConnectionCredentials", "s", [BUS], destination=BUS)
    [credentials] = connection.call(call, TIMEOUT)
    assert isinstance(credentials, list)
    assert {"UnixUserID": Variant("u", os.getuid())}.items() <= dict(credentials).items()
    rule = f"type='signal',sender='{BUS}',member='NameOwnerChanged',arg0='org.example.Ours'"
    connection.watch(rule, TIMEOUT)
    taken = Call("/org/freedesktop/DBus", BUS, "RequestName", "su", ["org.example.Ours", 0], destination=BUS)
    assert connection.call(taken, TIMEOUT) == [1]
    assert connection.wait_signal("NameOwnerChanged", "org.example.Ours", TIMEOUT).texts()[1] == ""
    with pytest.raises(CallFailed) as caught:
        connection.call(Call("/", "org.example.None", "No", destination="org.example.Nobody"), TIMEOUT)
    assert caught.value.name == "org.freedesktop.DBus.Error.ServiceUnknown"
    connection.close()


def test_messages_are_cut_where_the_bus_cuts_them() -> None:
    raw = signal("A", "x", "y") + signal("B", "x", "y")
    messages = Messages(raw[:50])
    assert [found.member for found in messages.feed(raw[50:])] == ["A", "B"]
