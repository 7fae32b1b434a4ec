"""Routes that stream: attach, exec, logs, wait, stats."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any, Protocol

import orjson

from slipway.base.errors import InvalidArgument
from slipway.contracts.engine_api.execs import ExecConfig, ExecStart
from slipway.contracts.engine_api.schema import decode
from slipway.dockerd.api.containers import window_size
from slipway.dockerd.api.routing import Call, Route, empty_response, json_response
from slipway.dockerd.containers.streams.attach_container import AttachRequest
from slipway.dockerd.containers.wait import Outcome
from slipway.dockerd.logs.model import Selection
from slipway.transport.aio.http_messages import Answer, Hijack, RawStream, StreamResponse

RAW = "application/vnd.docker.raw-stream"
MULTIPLEXED = "application/vnd.docker.multiplexed-stream"


class Backend(Protocol):
    """What these routes need. Each method that takes a `reference` raises NotFound."""

    def has_terminal(self, reference: str) -> bool: ...
    def prepare_attach(self, reference: str, request: AttachRequest) -> Callable[[RawStream], Awaitable[None]]:
        """Refuses before the hijack; the result serves the client."""

    def wait(self, reference: str, condition: str) -> Callable[[], Awaitable[Outcome]]: ...
    def logs(
        self, reference: str, selection: Selection, *, timestamps: bool, details: bool
    ) -> AsyncIterator[bytes]: ...
    async def create_exec(self, reference: str, config: ExecConfig) -> str: ...
    def inspect_exec(self, exec_id: str) -> dict[str, Any]: ...
    async def start_exec_detached(self, exec_id: str, request: ExecStart) -> None: ...
    def prepare_exec(self, exec_id: str, request: ExecStart) -> Callable[[RawStream], Awaitable[None]]: ...
    async def resize_exec(self, exec_id: str, height: int, width: int) -> None: ...
    def stats(self, reference: str, *, stream: bool, one_shot: bool) -> AsyncIterator[dict[str, Any]]: ...


class StreamRoutes:
    """Decodes and hands the connection over."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def routes(self) -> list[Route]:
        return [
            Route("POST", "/containers/{id:*}/attach", self.attach),
            Route("POST", "/containers/{id:*}/wait", self.wait),
            Route("GET", "/containers/{id:*}/logs", self.logs),
            Route("GET", "/containers/{id:*}/stats", self.stats),
            Route("POST", "/containers/{id:*}/exec", self.create_exec),
            Route("POST", "/exec/{id}/start", self.start_exec),
            Route("POST", "/exec/{id}/resize", self.resize_exec),
            Route("GET", "/exec/{id}/json", self.inspect_exec),
        ]

    async def attach(self, call: Call) -> Answer:
        query, reference = call.query, call.names["id"]
        request = AttachRequest(
            stdin=query.boolean("stdin"),
            stdout=query.boolean("stdout"),
            stderr=query.boolean("stderr"),
            stream=query.boolean("stream"),
            logs=query.boolean("logs"),
            detach_keys=query.text("detachKeys"),
        )
        serve = self._backend.prepare_attach(reference, request)
        return Hijack(serve=serve, content_type=self._content_type(call, self._backend.has_terminal(reference)))

    async def wait(self, call: Call) -> Answer:
        """The headers go out at once: they tell the client that the exit that follows will be seen."""
        condition = call.query.text("condition") if call.version >= (1, 30) else ""
        outcome = self._backend.wait(call.names["id"], condition)

        async def body() -> AsyncIterator[bytes]:
            exit_code, error = await outcome()
            document: dict[str, Any] = {"StatusCode": exit_code}
            if error:
                document["Error"] = {"Message": error}
            yield orjson.dumps(document) + b"\n"

        return StreamResponse(chunks=body(), headers={"Content-Type": "application/json"})

    async def logs(self, call: Call) -> Answer:
        query, reference = call.query, call.names["id"]
        streams = frozenset(name for name in ("stdout", "stderr") if query.boolean(name))
        if not streams:
            raise InvalidArgument("Bad parameters: you must choose at least one stream")
        selection = Selection(
            streams=streams,
            since=query.time("since"),
            until=query.time("until"),
            tail=tail_from_text(query.text("tail")),
            follow=query.boolean("follow"),
        )
        terminal = self._backend.has_terminal(reference)
        chunks = self._backend.logs(
            reference, selection, timestamps=query.boolean("timestamps"), details=query.boolean("details")
        )
        return StreamResponse(chunks=chunks, headers={"Content-Type": self._content_type(call, terminal)})

    async def stats(self, call: Call) -> Answer:
        stream = call.query.boolean("stream", default=True)
        one_shot = call.query.boolean("one-shot")
        if stream and one_shot:
            raise InvalidArgument("cannot have stream=true and one-shot=true")
        samples = self._backend.stats(call.names["id"], stream=stream, one_shot=one_shot)

        async def body() -> AsyncIterator[bytes]:
            async for sample in samples:
                yield orjson.dumps(sample) + b"\n"

        return StreamResponse(chunks=body(), headers={"Content-Type": "application/json"})

    async def create_exec(self, call: Call) -> Answer:
        config = decode(ExecConfig, await call.json_if_any(), "exec config")
        if call.version < (1, 42):  # the clients of that time did not mean it
            config = replace(config, console_size=None)
        return json_response({"Id": await self._backend.create_exec(call.names["id"], config)}, 201)

    async def start_exec(self, call: Call) -> Answer:
        request, exec_id = decode(ExecStart, await call.json_if_any(), "exec start"), call.names["id"]
        if call.version < (1, 42):
            request = replace(request, console_size=None)
        if request.detach:
            await self._backend.start_exec_detached(exec_id, request)
            return empty_response(200)
        serve = self._backend.prepare_exec(exec_id, request)
        return Hijack(serve=serve, content_type=self._content_type(call, request.tty))

    async def resize_exec(self, call: Call) -> Answer:
        height, width = window_size(call)
        await self._backend.resize_exec(call.names["id"], height, width)
        return empty_response(200)

    async def inspect_exec(self, call: Call) -> Answer:
        return json_response(self._backend.inspect_exec(call.names["id"]))

    def _content_type(self, call: Call, terminal: bool) -> str:
        return RAW if terminal or call.version < (1, 42) else MULTIPLEXED


def tail_from_text(text: str) -> int:
    """`all`, empty and negative numbers mean everything. As the original, what is no number does, too."""
    digits = text.removeprefix("+")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else -1
