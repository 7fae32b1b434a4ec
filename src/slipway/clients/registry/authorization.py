"""Answers a registry's challenge: Basic, or a token for a scope from the realm that the challenge names.

Source: distribution specification, "Token Authentication Specification" and "OAuth2 Token Authentication".
A secret goes to the registry that asked, or to the realm that this registry names; to nobody else.
"""

import asyncio
import base64
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from slipway.base.errors import InvalidArgument, Unauthenticated, Unavailable
from slipway.base.json_text import loads
from slipway.clients.registry.bodies import read_bounded
from slipway.clients.registry.challenges import choose_challenge, merged_scopes
from slipway.clients.registry.model import USUAL_PATIENCE, AskLogin, Challenge, Login, Patience
from slipway.clients.web.failures import cause_of

if TYPE_CHECKING:
    import httpx

_CLIENT_ID: Final = "slipway"
_TOKEN_LIMIT: Final = 1 << 20  # bytes of a token server's answer
_NO_GET: Final = (404, 405)  # of token servers that only know OAuth2


class Authorizer:
    """Keeps the Authorization header of one host for the life of one transfer."""

    def __init__(
        self, http: "httpx.AsyncClient", origin: tuple[str, str], scope: str, ask_login: AskLogin,
        patience: Patience = USUAL_PATIENCE,
    ) -> None:  # fmt: skip
        self._http = http
        scheme, self._host = origin
        # A registry that is asked over TLS may not have the secret sent in clear.
        self._realm_schemes = ("https",) if scheme == "https" else ("https", "http")
        self._scope = scope
        self._ask_login = ask_login
        self._patience = patience
        self._asking = asyncio.Lock()
        self.header = ""

    async def answer(self, challenges: tuple[str, ...], used: str = "") -> bool:
        """Whether `header` now holds something else than `used`, which was refused. Raises Unauthenticated.

        Of several requests that are refused at once one logs in, for all.
        """
        async with self._asking:
            if self.header != used:
                return True
            challenge = choose_challenge(challenges)
            if challenge is None:
                return False
            login = await self._ask_login(self._host, challenges)
            header = await self._header_for(challenge, login)
            changed = bool(header) and header != used
            self.header = header
            return changed

    async def _header_for(self, challenge: Challenge, login: Login | None) -> str:
        if login is not None and login.header:
            return _checked_header(login.header, self._host)
        if challenge.scheme == "basic":
            return _basic(login) if login is not None and login.username else ""
        return f"Bearer {await self._token(challenge, login)}"

    async def _token(self, challenge: Challenge, login: Login | None) -> str:
        realm = challenge.parameters["realm"]
        if not _leads_to(realm, self._realm_schemes):
            raise Unauthenticated(f"log in to {self._host}: it names {realm[:200]!r} as its token server")
        scopes = merged_scopes(self._scope, challenge.parameters.get("scope", ""))
        wanted = {"service": service} if (service := challenge.parameters.get("service")) else {}
        token = await self._token_for(realm, scopes, wanted, login)
        self._scope = " ".join(scopes)  # of what one token holds, its successor is not to hold less
        return token

    async def _token_for(self, realm: str, scopes: list[str], wanted: dict[str, str], login: Login | None) -> str:
        form = {**wanted, "scope": " ".join(scopes)}
        if login is not None and not login.username:
            grant = {"grant_type": "refresh_token", "refresh_token": login.secret}
            return await self._token_by_post(realm, {**form, **grant})
        headers = {"Authorization": _basic(login)} if login is not None else {}
        status, data = await self._ask("GET", realm, params={**wanted, "scope": scopes}, headers=headers)
        if status in _NO_GET and login is not None:
            grant = {"grant_type": "password", "username": login.username, "password": login.secret}
            return await self._token_by_post(realm, {**form, **grant})
        return self._token_from(status, data)

    async def _token_by_post(self, realm: str, form: dict[str, str]) -> str:
        status, data = await self._ask("POST", realm, data={"service": "", **form, "client_id": _CLIENT_ID})
        return self._token_from(status, data)

    async def _ask(self, method: str, realm: str, **arguments: Any) -> tuple[int, bytes]:
        """Status and body. No redirect is followed: it would take the secret along."""
        import httpx

        try:
            async with asyncio.timeout(self._patience.document):
                request = self._http.build_request(method, realm, **arguments)
                request.headers["Accept-Encoding"] = "identity"
                response = await self._http.send(request, stream=True)
                try:
                    data = await read_bounded(response, _TOKEN_LIMIT)
                finally:
                    await response.aclose()
        except (httpx.TransportError, httpx.InvalidURL, TimeoutError, UnicodeError) as error:
            place = httpx.URL(urlsplit(realm)._replace(query="", fragment="").geturl())
            raise Unavailable(f"log in to {self._host}: ask {place} for a token: {cause_of(error, place)}") from error
        if data is None:
            raise Unauthenticated(f"log in to {self._host}: its token server sent more than {_TOKEN_LIMIT} bytes")
        return response.status_code, data

    def _token_from(self, status: int, data: bytes) -> str:
        if status != 200:
            kind = Unavailable if status in (408, 429) or status >= 500 else Unauthenticated
            raise kind(f"log in to {self._host}: its token server answered {status}")
        document = _json_object(data)
        token = document.get("token") or document.get("access_token")
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise Unauthenticated(f"log in to {self._host}: its token server sent no token")
        return token


def _leads_to(realm: str, schemes: tuple[str, ...]) -> bool:
    """Whether a realm is a URL that can be asked."""
    try:
        parts = urlsplit(realm)
        return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _json_object(data: bytes) -> dict[str, Any]:
    try:
        document = loads(data, "token")
    except InvalidArgument:
        return {}
    return document if isinstance(document, dict) else {}


def _checked_header(header: str, host: str) -> str:
    if not header.isascii() or not header.isprintable():
        raise Unauthenticated(f"log in to {host}: the given Authorization is no header of HTTP")
    return header


def _basic(login: Login) -> str:
    return "Basic " + base64.b64encode(f"{login.username}:{login.secret}".encode()).decode()
