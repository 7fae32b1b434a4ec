"""What the HTTP sockets answer, and what a gRPC server tells its observer."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from slipway.base.errors import NotFound
from slipway.clients.containerd.calls import service_methods
from slipway.containerd.debug.endpoint import DebugEndpoint
from slipway.containerd.metrics.calls import CallCounters
from slipway.containerd.metrics.endpoint import MetricsEndpoint
from slipway.containerd.tasks.model import TaskStats
from slipway.contracts.containerd_api.generated import health_pb2
from slipway.contracts.containerd_api.status import error_from_status, status_from_error
from slipway.transport.aio.grpc_client import GrpcChannel
from slipway.transport.aio.grpc_server import GrpcServer
from slipway.transport.aio.http_messages import BodyStream, Request, Response
from slipway.transport.aio.http_server import HttpServer

HEALTH = health_pb2.DESCRIPTOR.services_by_name["Health"]


def request(target: bytes, method: str = "GET") -> Request:
    body = BodyStream(lambda: None, lambda: None)
    return Request(method=method, target=target, headers={}, body=body, keeps_alive=True)


async def nobody() -> list[TaskStats]:
    return []


@pytest.mark.parametrize(
    ("target", "method", "status"),
    [
        (b"/v1/metrics?x=y", "GET", 200),
        (b"/v1/metrics", "HEAD", 200),
        (b"/v1/metrics", "POST", 405),
        (b"/", "GET", 404),
    ],
)
def test_metrics_are_at_their_path(target: bytes, method: str, status: int) -> None:
    endpoint = MetricsEndpoint(CallCounters(histogram=False), nobody)
    answer = asyncio.run(endpoint.answer(request(target, method)))
    assert answer.status == status
    assert (b"process_open_fds" in answer.body) == (method == "GET" and status == 200)


def test_what_is_there_for_debugging() -> None:
    async def ask(target: bytes) -> Response:
        return await DebugEndpoint().answer(request(target))

    variables = json.loads(asyncio.run(ask(b"/debug/vars")).body)
    assert variables.keys() == {"cmdline", "memstats"}
    stacks = asyncio.run(ask(b"/debug/pprof/goroutine?debug=2")).body.decode()
    assert "thread MainThread" in stacks
    assert "in ask" in stacks
    assert asyncio.run(ask(b"/debug/pprof/heap")).status == 404


class Health:
    async def check(self, call: Any, asked: Any) -> Any:
        if asked.service:
            raise NotFound("unknown service")
        return health_pb2.HealthCheckResponse(status=1)

    async def watch(self, call: Any, asked: Any) -> AsyncIterator[Any]:
        yield health_pb2.HealthCheckResponse(status=1)
        await asyncio.Event().wait()


def test_an_observer_hears_of_every_call_once(tmp_path: Path) -> None:
    counters = CallCounters(histogram=False)
    methods = service_methods(health_pb2.DESCRIPTOR, "Health")

    async def story() -> None:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        server = GrpcServer(status_from_error, observer=counters)
        server.add(HEALTH, Health())
        counters.expect(server.methods())
        await server.start(listener)
        channel = GrpcChannel(str(tmp_path / "s"), error_from_status)
        await channel.call(methods["check"], health_pb2.HealthCheckRequest(), headers={}, timeout=5)
        with pytest.raises(NotFound):
            await channel.call(methods["check"], health_pb2.HealthCheckRequest(service="x"), headers={}, timeout=5)
        replies = channel.replies(methods["watch"], health_pb2.HealthCheckRequest())
        await anext(replies)
        await replies.aclose()
        channel.close()
        await server.close()

    asyncio.run(story())
    values = {
        (family.name, dict(sample.labels)["grpc_method"], dict(sample.labels).get("grpc_code", "")): sample.value
        for family in counters.families()
        for sample in family.samples
        if sample.value
    }
    assert values == {
        ("grpc_server_started_total", "Check", ""): 2,
        ("grpc_server_msg_received_total", "Check", ""): 2,
        ("grpc_server_msg_sent_total", "Check", ""): 1,
        ("grpc_server_handled_total", "Check", "OK"): 1,
        ("grpc_server_handled_total", "Check", "NotFound"): 1,
        ("grpc_server_started_total", "Watch", ""): 1,
        ("grpc_server_msg_received_total", "Watch", ""): 1,
        ("grpc_server_msg_sent_total", "Watch", ""): 1,
        ("grpc_server_handled_total", "Watch", "Canceled"): 1,
    }


def test_visitors_of_the_same_moment_share_one_measurement() -> None:
    """Each had every shim asked, and whoever may visit could have that as often as he liked."""
    measured = 0

    async def measure() -> list[TaskStats]:
        nonlocal measured
        measured += 1
        await asyncio.sleep(0)
        return []

    async def visit() -> list[Response]:
        endpoint = MetricsEndpoint(CallCounters(histogram=False), measure)
        return await asyncio.gather(*(endpoint.answer(request(b"/v1/metrics")) for _ in range(20)))

    assert {answer.status for answer in asyncio.run(visit())} == {200}
    assert measured == 1


def test_a_server_has_no_more_connections_than_it_is_told() -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    address = listening.getsockname()

    async def answer(_: Request) -> Response:
        return Response(body=b"here")

    async def visit() -> list[bytes]:
        server = HttpServer(answer, lambda error: Response(status=400), most=1)
        await server.listen(listening)
        answers = []
        writers = []
        for _ in range(2):  # the first stays
            reader, writer = await asyncio.open_connection(*address)
            writers.append(writer)
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            try:
                answers.append(await reader.read(12))
            except ConnectionResetError:
                answers.append(b"")
        for writer in writers:
            writer.close()
        await server.close(timeout=1)
        return answers

    assert asyncio.run(visit()) == [b"HTTP/1.1 200", b""]
