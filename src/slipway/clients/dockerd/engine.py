"""The calling side of the Engine API: requests with version negotiation, streams and hijacked connections.

Documents stay what the JSON parser gives (see docs/decisions/client-documents.md): most commands show a few members
of a large answer, or pass it through.
"""

import errno

from slipway.base.errors import EngineError, InternalError, PermissionDenied, Unavailable
from slipway.clients.dockerd.addresses import Address
from slipway.clients.dockerd.json_documents import format_json, parse_json
from slipway.clients.dockerd.queries import encode_path, encode_query
from slipway.clients.dockerd.responses import error_from_response
from slipway.transport.plain.http import Connection, Response
from slipway.transport.plain.http_dial import dial_tcp, dial_unix

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from slipway.transport.plain.http_tls import TlsFiles

    Query = Mapping[str, str | Sequence[str]]

NEWEST_VERSION = "1.51"
OLDEST_NEGOTIATING_VERSION = "1.24"  # what a daemon without the Api-Version header is taken for
_MAXIMUM_ERROR_BODY = 1024 * 1024


class Engine:
    """One daemon. Requests go out one after another on a kept connection; streams and hijacks take one of their own.

    Every method raises Unavailable where the daemon cannot be reached, and the kind that fits its HTTP status
    otherwise.
    """

    def __init__(
        self,
        address: Address,
        *,
        version: str = "",
        tls: "TlsFiles | None" = None,
        headers: "Iterable[tuple[str, str]]" = (),
    ) -> None:
        self.address = address
        self._version = version
        self._tls = tls
        self._headers = tuple(headers)
        self._idle: Connection | None = None

    @property
    def version(self) -> str:
        """The API version in use; the first call asks the daemon."""
        if not self._version:
            self.ping()
        return self._version

    def ping(self) -> "dict[str, str]":
        """Ask the daemon who it is (HEAD /_ping); returns the answer's headers and settles the API version."""
        response = self._exchange("HEAD", "/_ping", (), b"", is_head_request=True)
        self._give_back(response)
        if response.status not in (200, 500):
            response = self._exchange("GET", "/_ping", (), b"")
            response.read_all()
            self._give_back(response)
        if not self._version:
            offered = response.headers.get("api-version") or OLDEST_NEGOTIATING_VERSION
            self._version = min(offered, NEWEST_VERSION, key=version_numbers)
        return response.headers

    def get(self, path: str, query: "Query | None" = None) -> "Any":
        """The JSON document at `path`."""
        return parse_json(self.get_bytes(path, query))

    def get_bytes(self, path: str, query: "Query | None" = None) -> bytes:
        """The answer's body as the daemon wrote it."""
        return self._read("GET", path, query, None)

    def post(self, path: str, query: "Query | None" = None, document: object = None) -> "Any":
        """Send `document` as JSON (none: no body); the answer's document, or None where it has none."""
        body = self._read("POST", path, query, document)
        return parse_json(body) if body.strip() else None

    def delete(self, path: str, query: "Query | None" = None) -> "Any":
        body = self._read("DELETE", path, query, None)
        return parse_json(body) if body.strip() else None

    def stream(
        self,
        method: str,
        path: str,
        query: "Query | None" = None,
        *,
        document: object = None,
        body: "Iterable[bytes] | None" = None,
        headers: "Iterable[tuple[str, str]]" = (),
    ) -> Response:
        """A request whose answer is read piece by piece; the caller reads it to the end or closes it."""
        fields = list(headers)
        payload: bytes | Iterable[bytes] = b""
        if body is not None:
            fields += [("Content-Type", "application/x-tar"), ("Transfer-Encoding", "chunked")]
            payload = body
        elif document is not None or method == "POST":
            payload = b"" if document is None else format_json(document)
            fields += _entity_headers(payload)
        target = self._target(path, query)
        return self._checked(self._exchange(method, target, fields, payload), target)

    def hijack(self, path: str, query: "Query | None" = None, document: object = None) -> Response:
        """POST that turns the connection into a two-way stream (attach, exec start)."""
        payload = b"" if document is None else format_json(document)
        fields = [("Connection", "Upgrade"), ("Upgrade", "tcp"), *_entity_headers(payload)]
        target = self._target(path, query)
        response = self._checked(self._exchange("POST", target, fields, payload), target)
        if response.status not in (101, 200):
            raise InternalError(f"unable to upgrade to tcp, received {response.status}")
        return response

    def begin(self, method: str, path: str, query: "Query | None" = None, document: object = None) -> "Pending":
        """Send a request on a connection of its own and return at once: several run beside each other in the daemon."""
        payload = b"" if document is None else format_json(document)
        target = self._target(path, query)
        connection = self._dial()
        connection.send(
            method, target, self._all_headers(_entity_headers(payload) if method == "POST" else ()), payload
        )
        return Pending(connection, self.address, method, target)

    def _read(self, method: str, path: str, query: "Query | None", document: object) -> bytes:
        response = self.stream(method, path, query, document=document)
        body = response.read_all()
        self._give_back(response)
        return body

    def _target(self, path: str, query: "Query | None") -> str:
        return f"{self.address.prefix}/v{self.version}{encode_path(path)}{encode_query(query or {})}"

    def _all_headers(self, fields: "Iterable[tuple[str, str]]") -> "list[tuple[str, str]]":
        host = self.address.host or "api.moby.localhost"
        return [("Host", host), ("User-Agent", "Docker-Client/slipway (linux)"), *self._headers, *fields]

    def _exchange(
        self,
        method: str,
        target: str,
        fields: "Iterable[tuple[str, str]]",
        payload: "bytes | Iterable[bytes]",
        *,
        is_head_request: bool = False,
    ) -> Response:
        """A request on the idle connection, or on a fresh one. A stale one is told by its answer: none at all."""
        connection, self._idle = self._idle or self._dial(), None
        try:
            connection.send(method, target, self._all_headers(fields), payload)
            return connection.receive(is_head_request=is_head_request)
        except Unavailable as error:
            raise _broken_off(self.address, method, target, error) from error

    def _give_back(self, response: Response) -> None:
        connection = response.connection
        if response.is_complete and connection.is_reusable and self._idle is None:
            self._idle = connection
        else:
            connection.close()

    def _checked(self, response: Response, target: str) -> Response:
        check_response(response, target)
        return response

    def _dial(self) -> Connection:
        try:
            if self.address.path:
                return Connection(dial_unix(self.address.path))
            return Connection(dial_tcp(self.address.host, self.address.port, self._tls))
        except OSError as error:
            raise _connection_error(self.address, error) from error


class Pending:
    """A request that was sent and not yet answered. Pollable."""

    __slots__ = ("_address", "_connection", "_method", "_target")

    def __init__(self, connection: Connection, address: Address, method: str, target: str) -> None:
        self._connection = connection
        self._address = address
        self._method = method
        self._target = target

    def fileno(self) -> int:
        return self._connection.fileno()

    def wait_response(self) -> Response:
        """The answer's head; raises the kind that fits its status."""
        try:
            response = self._connection.receive()
        except Unavailable as error:
            raise _broken_off(self._address, self._method, self._target, error) from error
        check_response(response, self._target)
        return response

    def wait_document(self) -> "Any":
        """The answer's JSON document, or None; the connection is then closed."""
        try:
            body = self.wait_response().read_all()
            return parse_json(body) if body.strip() else None
        finally:
            self._connection.close()


def check_response(response: Response, target: str) -> None:
    """Raise what a status of 400 or more stands for."""
    if response.status < 400:
        return
    body = b""
    while len(body) < _MAXIMUM_ERROR_BODY and (piece := response.read()):
        body += piece
    response.close()
    raise error_from_response(response.status, body, response.headers.get("content-type", ""), target)


def version_numbers(text: str) -> tuple[int, ...]:
    """1.9 is older than 1.51: versions compare by their numbers."""
    return tuple(int(part) if part.isascii() and part.isdigit() and len(part) < 10 else 0 for part in text.split("."))


def _entity_headers(payload: bytes) -> "list[tuple[str, str]]":
    length = [("Content-Length", str(len(payload)))]
    return [*length, ("Content-Type", "application/json")] if payload else length


def _broken_off(address: Address, method: str, target: str, error: EngineError) -> EngineError:
    """The daemon took a request and closed without an answer: it has died, or it is no daemon."""
    host = (address.path or f"{address.host}:{address.port}").replace("/", "%2F")
    return Unavailable(f'error during connect: {method.capitalize()} "http://{host}{target}": {error.message}')


def _connection_error(address: Address, error: OSError) -> EngineError:
    if error.errno in (errno.EACCES, errno.EPERM):
        return PermissionDenied(
            f"permission denied while trying to connect to the Docker daemon socket at {address.text}:"
            f" dial unix {address.path}: connect: permission denied"
        )
    if address.path or error.errno == errno.ECONNREFUSED:
        return Unavailable(f"Cannot connect to the Docker daemon at {address.text}. Is the docker daemon running?")
    return Unavailable(f"error during connect: dial {address.text}: {error.strerror or error}")
