"""The daemon as a process: its sockets and folders, its refusals in one sentence, its size."""

import asyncio
import os
import stat
import subprocess
from pathlib import Path

import h2.config
import h2.connection
import h2.events
import pytest
from google.protobuf.any_pb2 import Any

from slipway.base.errors import EngineError, FailedPrecondition, InvalidArgument, NotImplementedByEngine
from slipway.clients.containerd.calls import Connection, service_methods
from slipway.contracts.containerd_api.generated import containers_pb2, events_pb2, health_pb2, namespaces_pb2
from slipway.contracts.containerd_api.generated.event_types_pb2 import TaskOOM
from slipway.contracts.containerd_api.status import error_from_status
from slipway.transport.aio.grpc_client import GrpcChannel
from slipway.transport.aio.grpc_method import Method
from tests.integration.containerd.daemon import OurContainerd
from tests.support.paths import LAUNCHERS

RESIDENT_LIMIT_KIB = 45 * 1024
NAMESPACES = service_methods(namespaces_pb2.DESCRIPTOR, "Namespaces")
CONTAINERS = service_methods(containers_pb2.DESCRIPTOR, "Containers")


def mode(path: str | Path) -> str:
    return stat.filemode(os.stat(path).st_mode)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(LAUNCHERS / "containerd"), *arguments], capture_output=True, text=True, check=False, timeout=20
    )


def test_sockets_and_folders_are_closed_to_others(shared: OurContainerd) -> None:
    assert mode(shared.address) == "srw-rw----"
    assert mode(f"{shared.address}.ttrpc") == "srw-rw----"
    assert mode(shared.folder / "root") == "drwx------"
    assert mode(shared.folder / "state") == "drwx--x--x"
    assert mode(shared.folder / "root/io.containerd.content.v1.content") == "drwx------"


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--root", "{0}/root", "--state", "{0}/state2"), "data folder {0}/root: another daemon is using it"),
        (
            ("--root", "{0}/root2", "--state", "{0}/state2", "--address", "{0}/state/containerd.sock"),
            "listen on {0}/state/containerd.sock: the socket is in use",
        ),
        (("--config", "{0}/none.toml"), "read configuration {0}/none.toml: no such file"),
        (("--log-level", "loud"), "unknown log level 'loud'"),
    ],
)
def test_what_cannot_be_had_is_one_clear_sentence(shared: OurContainerd, flags: tuple[str, ...], words: str) -> None:
    done = run(*(flag.format(shared.folder) for flag in flags))
    assert done.returncode == 1
    assert words.format(shared.folder) in done.stderr
    assert "Traceback" not in done.stderr
    assert len([line for line in done.stderr.splitlines() if "level=" not in line]) == 1


def test_a_data_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    os.chown(tmp_path, 12345, -1)
    done = run("--root", str(tmp_path), "--state", f"{tmp_path}/state")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "it belongs to user 12345" in done.stderr


def test_the_configuration_that_is_dumped_can_be_read_again(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(run("config", "default").stdout)
    dumped = run("--config", str(tmp_path / "config.toml"), "--root", "/elsewhere", "config", "dump")
    assert 'root = "/elsewhere"' in dumped.stdout
    (tmp_path / "config.toml").write_text("rooot = '/x'\n")
    told = run("--config", str(tmp_path / "config.toml"), "config", "dump")
    assert told.returncode == 0
    assert told.stderr.endswith(f'msg="Ignoring unknown key in TOML" file={tmp_path}/config.toml key=rooot\n')


def test_dockerds_own_configuration_for_containerd_is_understood(tmp_path: Path) -> None:
    """What dockerd 28.5 writes for the containerd that it supervises."""
    (tmp_path / "containerd.toml").write_text(
        f"""version = 2
root = "{tmp_path}/root"
state = "{tmp_path}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
oom_score = -500
imports = []

[grpc]
  address = "{tmp_path}/containerd.sock"

[debug]
  address = "{tmp_path}/debug.sock"

[plugins]
  [plugins."io.containerd.runtime.v1.linux"]
    shim_debug = true
"""
    )
    done = run("--config", str(tmp_path / "containerd.toml"), "config", "dump")
    assert f'address = "{tmp_path}/containerd.sock"' in done.stdout, done.stderr


def call(daemon: OurContainerd, method: Method, namespace: str | None = "x", **fields: object) -> object:
    async def ask() -> object:
        channel = GrpcChannel(daemon.address, error_from_status)
        headers = {} if namespace is None else {"containerd-namespace": namespace}
        try:
            return await channel.call(method, method.request_type(**fields), headers=headers, timeout=10)
        finally:
            channel.close()

    return asyncio.run(ask())


def test_health_says_serving(shared: OurContainerd) -> None:
    methods = service_methods(health_pb2.DESCRIPTOR, "Health")
    reply = call(shared, methods["check"])
    assert reply.status == health_pb2.HealthCheckResponse.SERVING  # type: ignore[attr-defined]
    listed = call(shared, methods["list"])
    assert dict(listed.statuses) == {"": reply}  # type: ignore[attr-defined]


def test_a_call_needs_a_namespace_that_is_an_identifier(shared: OurContainerd) -> None:
    with pytest.raises(FailedPrecondition, match="namespace is required"):
        call(shared, CONTAINERS["list"], None)
    for name in ("../x", "a/b", "-", "x" * 77):
        with pytest.raises(InvalidArgument):
            call(shared, CONTAINERS["list"], name)


@pytest.mark.parametrize("identifier", ["", "../../etc", "a/b", "..", "a..b", "x" * 77, "a b"])
def test_an_id_that_is_no_identifier_is_refused(shared: OurContainerd, identifier: str) -> None:
    container = containers_pb2.Container(id=identifier)
    container.runtime.name = "io.containerd.runc.v2"
    with pytest.raises(InvalidArgument):
        call(shared, CONTAINERS["create"], container=container)


@pytest.mark.parametrize("path", ["/no.such.Service/Method", "/containerd.services.namespaces.v1.Namespaces/Explode"])
def test_an_unknown_method_is_unimplemented(shared: OurContainerd, path: str) -> None:
    known = NAMESPACES["get"]
    unknown = Method(path, "explode", known.request_type, known.reply_type, False, False)
    with pytest.raises(NotImplementedByEngine, match="unknown"):
        call(shared, unknown)


def test_an_unknown_method_is_answered_with_a_content_type(shared: OurContainerd) -> None:
    """Go's client calls an answer without one a malformed header."""
    headers = asyncio.run(_raw_headers(shared.address, "/no.such.Service/Method"))
    assert headers[b":status"] == b"200"
    assert headers[b"content-type"].startswith(b"application/grpc")
    assert headers[b"grpc-status"] == b"12"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"\0\0\0\0\x03\xff\xff\xff", b"3"),  # no protobuf
        (b"\x01\0\0\0\0", b"12"),  # compressed
        (b"\0\xff\xff\xff\xff", b"8"),  # 4 GiB, as announced
        (b"", b"3"),
    ],
)
def test_a_malformed_request_is_refused_for_what_it_is(shared: OurContainerd, body: bytes, code: bytes) -> None:
    path = "/containerd.services.namespaces.v1.Namespaces/Get"
    assert asyncio.run(_raw_headers(shared.address, path, body))[b"grpc-status"] == code


async def _raw_headers(address: str, path: str, body: bytes = b"\0\0\0\0\0") -> dict[bytes, bytes]:
    reader, writer = await asyncio.open_unix_connection(address)
    state = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding=None))
    state.initiate_connection()
    request = [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "x")]
    state.send_headers(1, [*request, ("content-type", "application/grpc"), ("te", "trailers")])
    state.send_data(1, body, end_stream=True)
    writer.write(state.data_to_send())
    found: dict[bytes, bytes] = {}
    async with asyncio.timeout(10):
        while b"grpc-status" not in found:
            for event in state.receive_data(await reader.read(65536)):
                if isinstance(event, h2.events.ResponseReceived | h2.events.TrailersReceived):
                    found.update(dict(event.headers))  # type: ignore[arg-type]
    writer.close()
    return found


def test_a_hundred_and_fifty_calls_wait_on_one_connection(shared: OurContainerd) -> None:
    """One stream per running container waits for its end; HTTP/2 libraries allow a hundred unless they are told."""
    watch = service_methods(health_pb2.DESCRIPTOR, "Health")["watch"]

    async def ask() -> int:
        channel = GrpcChannel(shared.address, error_from_status)
        streams = [channel.replies(watch, health_pb2.HealthCheckRequest()) for _ in range(150)]
        try:
            async with asyncio.timeout(20):
                replies = await asyncio.gather(*(anext(stream) for stream in streams))
        finally:
            for stream in streams:
                await stream.aclose()  # type: ignore[attr-defined]
            channel.close()
        return len(replies)

    assert asyncio.run(ask()) == 150


def test_garbage_on_the_socket_harms_nobody(shared: OurContainerd) -> None:
    async def throw(data: bytes) -> None:
        _, writer = await asyncio.open_unix_connection(shared.address)
        writer.write(data)
        writer.close()

    for data in (b"GET / HTTP/1.1\r\n\r\n", b"\0" * 1000, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 64):
        asyncio.run(throw(data))
    assert call(shared, NAMESPACES["list"]) is not None


def test_publish_reaches_subscribers(shared: OurContainerd) -> None:
    """Shims without a socket of ours exec `containerd publish` with an event on standard input."""
    event = Any(type_url="containerd.events.TaskOOM", value=TaskOOM(container_id="c").SerializeToString())
    subscribe = service_methods(events_pb2.DESCRIPTOR, "Events")["subscribe"]

    async def ask() -> list[tuple[str, str]]:
        channel = GrpcChannel(shared.address, error_from_status)
        request = events_pb2.SubscribeRequest(filters=['topic=="/tasks/oom",event.container_id==c'])
        found = []
        async with asyncio.timeout(20), channel.open(subscribe) as stream:
            await stream.send(request, last=True)
            await channel.call(
                service_methods(health_pb2.DESCRIPTOR, "Health")["check"], health_pb2.HealthCheckRequest()
            )
            for topic in ("/tasks/exit", "/tasks/oom"):
                await asyncio.to_thread(publish, topic)
            envelope = await stream.receive()
            found.append((envelope.namespace, envelope.topic))
        channel.close()
        return found

    def publish(topic: str) -> None:
        command = ["--address", shared.address, "publish", "--topic", topic, "--namespace", "ns"]
        subprocess.run(
            [str(LAUNCHERS / "containerd"), *command], input=event.SerializeToString(), check=True, timeout=20
        )

    assert asyncio.run(ask()) == [("ns", "/tasks/oom")]


def test_it_is_small(shared: OurContainerd) -> None:
    status = Path(f"/proc/{shared.pid}/status").read_text()
    resident = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    assert resident <= RESIDENT_LIMIT_KIB


def test_it_stops_when_asked(fresh: OurContainerd) -> None:
    assert fresh.stop() == 0


def test_the_connection_of_our_client_reports_a_socket_that_nobody_serves(tmp_path: Path) -> None:
    async def ask() -> None:
        await Connection(f"{tmp_path}/none.sock", "x").call(
            NAMESPACES["list"], namespaces_pb2.ListNamespacesRequest(), timeout=5
        )

    with pytest.raises(EngineError, match=r"none\.sock"):
        asyncio.run(ask())
