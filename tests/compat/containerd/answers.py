"""What a containerd answers, call by call, as text: the same story told to ours and to an original can be compared.

Nobody helps a caller here: requests are the API's own messages, and an answer is a status code with its message, or the
reply. Times, data folders and counted names are masked.
"""

import re
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from types import ModuleType
from typing import Any

from google.protobuf import text_format

from slipway.contracts.containerd_api.generated import (
    containers_pb2,
    content_pb2,
    diff_pb2,
    events_pb2,
    health_pb2,
    images_pb2,
    introspection_pb2,
    leases_pb2,
    namespaces_pb2,
    snapshots_pb2,
    tasks_pb2,
    transfer_pb2,
    version_pb2,
)
from slipway.transport.aio.grpc_client import ChannelStream, GrpcChannel
from slipway.transport.aio.grpc_method import Method, methods_of

SERVICES: dict[str, ModuleType] = {
    "containers": containers_pb2,
    "content": content_pb2,
    "diff": diff_pb2,
    "events": events_pb2,
    "health": health_pb2,
    "images": images_pb2,
    "introspection": introspection_pb2,
    "leases": leases_pb2,
    "namespaces": namespaces_pb2,
    "snapshots": snapshots_pb2,
    "tasks": tasks_pb2,
    "transfer": transfer_pb2,
    "version": version_pb2,
}
LEASE = "story"
CODES = {3: "invalid", 5: "not found", 6: "exists", 9: "precondition", 11: "out of range", 12: "unimplemented"}
_TIME = re.compile(r"\b(\w+_at|timestamp) \{[^}]*\}")
_SNAPSHOT_FOLDER = re.compile(r"/\S*/io\.containerd\.snapshotter\.v1\.(\w+)/snapshots/\d+")


class Refused(Exception):
    """The status of a call that failed."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.told = f"{CODES.get(code, code)}: {message}"


@dataclass(frozen=True, slots=True)
class Answer:
    """One call and what became of it."""

    call: str
    told: str

    def __str__(self) -> str:
        return f"{self.call} -> {self.told}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Explained:
    """A difference that stays: a part of what the original says there, a part of what ours says, and why.

    `suites` are those whose original differs.
    """

    theirs: str
    ours: str
    why: str
    suites: tuple[str, ...] = ("sid", "trixie")

    def covers(self, theirs: Answer, ours: Answer) -> bool:
        return theirs.call == ours.call and self.theirs in theirs.told and self.ours in ours.told


OLDER = (
    Explained(
        theirs='options: "index=off" options: "workdir',
        ours='options: "index=off" }',
        why="1.7 has this option in another place",
        suites=("trixie",),
    ),
    Explained(
        theirs="created_at {} }",
        ours="created_at {} updated_at {} }",
        why="1.7 lists content without this time",
        suites=("trixie",),
    ),
    Explained(
        theirs="created_at {} labels",
        ours="created_at {} updated_at {} labels",
        why="1.7 lists content without this time",
        suites=("trixie",),
    ),
)
"""Where all of an older API differs: they need not explain anything in a story."""
FILTER = Explained(
    theirs="filters: parse error", ours="parse filter", why="our own sentence, which shows the place, too"
)


def method_of(name: str) -> Method:
    service, _, method = name.partition(".")
    (descriptor,) = SERVICES[service].DESCRIPTOR.services_by_name.values()
    return next(found for found in methods_of(descriptor).values() if found.path.endswith(f"/{method}"))


WRITE = method_of("content.Write")


class Api:
    """One containerd in one namespace, under a lease: a collection, whenever it comes, takes nothing of a story.

    What it has answered so far is in `answers`.
    """

    def __init__(self, address: str) -> None:
        self.namespace = ""
        self.answers: list[Answer] = []
        self._channel = GrpcChannel(address, Refused)

    async def enter(self, namespace: str) -> None:
        """Call in this namespace from now on. It comes to be with the lease."""
        self.namespace = namespace
        request = leases_pb2.CreateRequest(id=LEASE)
        await self._channel.call(method_of("leases.Create"), request, headers=self.without_lease, timeout=30)

    def close(self) -> None:
        self._channel.close()

    def blob(self, name: str) -> tuple[bytes, str]:
        """Bytes that no other story has, and their digest."""
        data = f"{self.namespace} {name}".encode()
        return data, f"sha256:{sha256(data).hexdigest()}"

    async def __call__(self, name: str, /, *, headers: dict[str, str] | None = None, **fields: Any) -> Any:
        """Call `images.Create`, or whichever, with a request of these fields; the reply, or None of a refusal.

        `headers` come in place of the namespace's and the lease's. Of a method with many replies, the list of them.
        """
        method = method_of(name)
        sent = self.headers if headers is None else headers
        request = method.request_type(**fields)
        call = f"{name}({_text(request)})"
        try:
            if method.many_replies:
                many = [reply async for reply in self._channel.replies(method, request, headers=sent)]
                self._note(call, " + ".join(map(_text, many)))
                return many
            reply = await self._channel.call(method, request, headers=sent, timeout=30)
            if name == "content.ListStatuses":  # in no order
                reply.statuses.sort(key=lambda status: status.ref)
        except Refused as refused:
            self._note(call, refused.told)
            return None
        self._note(call, _text(reply))
        return reply

    async def write(self, *requests: dict[str, Any]) -> None:
        """One Write stream: each request is sent when the one before has been answered."""
        calls = ["content.Write"]
        try:
            async with self._channel.open(WRITE, headers=self.headers) as stream:
                await self._say(stream, requests, calls)
                await stream.finish()
        except Refused as refused:
            self._note(calls[-1], refused.told)

    @asynccontextmanager
    async def writing(self, *requests: dict[str, Any]) -> AsyncIterator[None]:
        """The same; none may be refused, and the stream stays open for the block."""
        async with self._channel.open(WRITE, headers=self.headers) as stream:
            await self._say(stream, requests, [])
            yield

    async def _say(self, stream: ChannelStream, requests: Sequence[dict[str, Any]], calls: list[str]) -> None:
        for fields in requests:
            request = WRITE.request_type(**fields)
            calls.append(f"content.Write({_text(request)})")
            await stream.send(request)
            self._note(calls[-1], _text(await stream.receive()))

    async def has(self, data: bytes, **fields: Any) -> None:
        """Have this blob in the namespace."""
        digest = f"sha256:{sha256(data).hexdigest()}"
        await self.write({"action": "COMMIT", "ref": digest, "data": data, "total": len(data), **fields})

    def say(self, told: str) -> None:
        """Have it compared, too."""
        self._note("", told)

    @property
    def without_lease(self) -> dict[str, str]:
        return {"containerd-namespace": self.namespace}

    @property
    def headers(self) -> dict[str, str]:
        return self.leased(LEASE)

    def leased(self, lease: str) -> dict[str, str]:
        return {**self.without_lease, "containerd-lease": lease}

    def _note(self, call: str, told: str) -> None:
        self.answers.append(Answer(call, told))


Story = Callable[[Api], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Told:
    """A story, and the differences that stay in it."""

    name: str
    story: Story
    explained: tuple[Explained, ...] = ()


def story(*explained: Explained) -> Callable[[Story], Told]:
    """Decorate a story."""
    return lambda function: Told(function.__name__, function, explained)


def differences(theirs: Sequence[Answer], ours: Sequence[Answer], told: Told, suite: str) -> list[str]:
    """What is not the same and not explained; and the explanations that explain nothing (any more)."""
    left = {explained for explained in told.explained if suite in explained.suites}
    found = []
    for their, our in zip(theirs, ours, strict=False):
        here = [explained for explained in (*told.explained, *OLDER) if suite in explained.suites]
        covering = [explained for explained in here if explained.covers(their, our)]
        left.difference_update(covering)
        if their != our and not covering:
            found.append(f"{their}\n   ours: {our}")
    if len(theirs) != len(ours):
        found.append(f"{len(theirs)} answers, ours {len(ours)}: {theirs[len(ours) :]}{ours[len(theirs) :]}")
    return found + [f"explains nothing: {explained}" for explained in left]


def _text(message: Any) -> str:
    text = text_format.MessageToString(message, as_one_line=True)
    return _SNAPSHOT_FOLDER.sub(r"<folder of \1>", _TIME.sub(r"\1 {}", text)) or "(empty)"
