"""Which function answers which path, and how an error becomes an answer. The edge where every error ends."""

import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote_to_bytes

import orjson

from slipway.base.errors import EngineError, InternalError, InvalidArgument, NotFound
from slipway.base.exhaustion import is_exhausted, sentence
from slipway.contracts.engine_api.http_statuses import STATUS_BY_KIND
from slipway.contracts.engine_api.versions import ApiVersion, negotiated
from slipway.dockerd.api.json_body import object_from_body
from slipway.dockerd.api.parameters import BODY_LIMIT, Query, check_json_type
from slipway.transport.aio.http_messages import Answer, BodyStream, Request, Response

log = logging.getLogger(__name__)

_VERSION: Final = re.compile(r"/v([0-9]+(?:\.[0-9]+)*)(/.*)")


@dataclass(frozen=True, kw_only=True)
class Call:
    """A request whose path is understood. `names` are the path's variable parts."""

    method: str
    path: str
    names: Mapping[str, str]
    query: Query
    version: ApiVersion
    headers: Mapping[str, str]
    body: BodyStream
    wants_upgrade: bool = False

    async def json(self) -> dict[str, Any]:
        """The body, which must be a JSON object. Raises InvalidArgument."""
        data = await self._json_bytes()
        if not data:
            raise InvalidArgument("invalid JSON: got EOF while reading request body")
        return object_from_body(data)

    async def json_if_any(self) -> dict[str, Any]:
        """The same; an absent body is an empty object."""
        data = await self._json_bytes()
        return object_from_body(data) if data else {}

    async def _json_bytes(self) -> bytes:
        """An absent body needs no type, but may not have another one."""
        data = await self.body.read_all(BODY_LIMIT)
        if data or "content-type" in self.headers:
            check_json_type(self.headers)
        return data


Handler = Callable[[Call], Awaitable[Answer]]


@dataclass(frozen=True)
class Route:
    """`pattern` has `{name}` for one part of a path and `{name:*}` for several (image names have slashes)."""

    method: str
    pattern: str
    handler: Handler
    least: str = "1.24"
    expression: "re.Pattern[str]" = field(init=False)

    def __post_init__(self) -> None:
        parts = re.split(r"(\{[a-z]+(?::\*)?\})", self.pattern)
        expression = "".join(_part_expression(part) for part in parts)
        object.__setattr__(self, "expression", re.compile(expression))


def _part_expression(part: str) -> str:
    if not part.startswith("{"):
        return re.escape(part)
    name, _, kind = part[1:-1].partition(":")
    return f"(?P<{name}>.+)" if kind else f"(?P<{name}>[^/]+)"


class Router:
    """Answers requests. `headers` are added to every answer."""

    def __init__(self, routes: Sequence[Route], headers: Mapping[str, str]) -> None:
        self._routes = routes
        self._headers = headers

    async def handle(self, request: Request) -> Answer:
        """Never raises: an error is an answer, and what nobody foresaw is one, too, and a line in the log."""
        try:
            call, route = self._find(request)
            answer = await route.handler(call)
        except EngineError as error:
            answer = self._failure(request, error)
        except Exception as error:  # noqa: BLE001 - the edge of the daemon
            answer = self._surprise(request, error)
        return self._with_headers(answer)

    def _failure(self, request: Request, error: EngineError) -> Response:
        answer = error_response(error)
        if answer.status >= 500:
            log.error("request failed: %s", error, extra={"fields": _fields(request)})
        return answer

    def _surprise(self, request: Request, error: Exception) -> Response:
        """What nobody foresaw: where the machine has run out of something the error says it all, else it is a bug."""
        if isinstance(error, OSError) and is_exhausted(error):
            return self._failure(request, InternalError(sentence(error)))
        log.error("request failed", exc_info=error, extra={"fields": _fields(request)})
        return Response(status=500, headers=JSON, body=_message("internal error of the daemon; see its log"))

    def refuse(self, error: EngineError) -> Response:
        """The answer to what is not HTTP."""
        return error_response(error)

    def _find(self, request: Request) -> tuple[Call, Route]:
        target = b"/" if request.target == b"*" else request.target  # of OPTIONS: the server itself
        path, query = _path_and_query(target)
        version, path = _version_and_path(path)
        for route in self._routes:
            match = route.expression.fullmatch(path)
            if match is None or route.method != request.method or ApiVersion.parse(route.least) > version:
                continue
            call = Call(
                method=request.method,
                path=path,
                names=match.groupdict(),
                query=Query(query),
                version=version,
                headers=request.headers,
                body=request.body,
                wants_upgrade=request.wants_upgrade,
            )
            return call, route
        raise NotFound("page not found")  # also where the path is there for another method

    def _with_headers(self, answer: Answer) -> Answer:
        if hasattr(answer, "headers"):
            object.__setattr__(answer, "headers", {**self._headers, **answer.headers})
        return answer


JSON: Final = {"Content-Type": "application/json"}


def json_response(document: object, status: int = 200) -> Response:
    """As Go's encoder ends a document: with a newline."""
    return Response(status=status, headers=JSON, body=orjson.dumps(document) + b"\n")


def empty_response(status: int = 204) -> Response:
    return Response(status=status)


def error_response(error: EngineError) -> Response:
    """`{"message": "..."}` with the status of the error's kind."""
    return Response(status=STATUS_BY_KIND[error.kind], headers=JSON, body=_message(str(error)))


def _fields(request: Request) -> dict[str, str]:
    return {"method": request.method, "target": request.target.decode("latin-1")}


def _message(text: str) -> bytes:
    return orjson.dumps({"message": text.encode("utf-8", "replace").decode()}) + b"\n"


def _path_and_query(target: bytes) -> tuple[str, str]:
    """Decoded path, raw query. An absolute URI's host is dropped; dots and doubled slashes stay, and match nothing."""
    if target.startswith((b"http://", b"https://")):
        target = b"/" + target.split(b"/", 3)[3] if target.count(b"/") >= 3 else b"/"
    raw_path, _, raw_query = target.partition(b"?")
    try:
        path = unquote_to_bytes(raw_path).decode("utf-8")
        query = raw_query.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidArgument("malformed request path: not UTF-8") from error
    if "\0" in path or not path.startswith("/"):
        raise InvalidArgument("malformed request path")
    return path, query


def _version_and_path(path: str) -> tuple[ApiVersion, str]:
    match = _VERSION.fullmatch(path)
    if match is None:
        return negotiated(""), path
    return negotiated(match.group(1)), match.group(2)
