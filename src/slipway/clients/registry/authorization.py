"""Answers a registry's challenge: Basic, or a token for a scope from the realm that the challenge names.

Source: distribution specification, "Token Authentication Specification" and "OAuth2 Token Authentication".
A secret goes to the registry that asked, or to the realm that this registry names; to nobody else.
"""

import asyncio
import base64
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from slipway.base.errors import Unauthenticated
from slipway.clients.registry.challenges import choose_challenge, merged_scopes
from slipway.clients.registry.model import AskLogin, Challenge, Login

if TYPE_CHECKING:
    import httpx

_CLIENT_ID: Final = "slipway"
_TOKEN_LIMIT: Final = 1 << 20  # bytes of a token server's answer


class Authorizer:
    """Keeps the Authorization header of one host for the life of one transfer."""

    def __init__(self, http: "httpx.AsyncClient", origin: tuple[str, str], scope: str, ask_login: AskLogin) -> None:
        self._http = http
        scheme, self._host = origin
        # A registry that is asked over TLS may not have the secret sent in clear.
        self._realm_schemes = ("https",) if scheme == "https" else ("https", "http")
        self._scope = scope
        self._ask_login = ask_login
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
            changed = bool(header) and header != self.header
            self.header = header
            return changed

    async def _header_for(self, challenge: Challenge, login: Login | None) -> str:
        if challenge.scheme == "basic":
            return _basic(login) if login is not None and login.username else ""
        return f"Bearer {await self._token(challenge, login)}"

    async def _token(self, challenge: Challenge, login: Login | None) -> str:
        realm = challenge.parameters["realm"]
        if urlsplit(realm).scheme not in self._realm_schemes:
            raise Unauthenticated(f"log in to {self._host}: it names {realm[:200]!r} as its token server")
        scopes = merged_scopes(self._scope, challenge.parameters.get("scope", ""))
        wanted = {"service": service} if (service := challenge.parameters.get("service")) else {}
        if login is not None and not login.username:
            form = {"grant_type": "refresh_token", "refresh_token": login.secret, "client_id": _CLIENT_ID}
            response = await self._http.post(realm, data={**wanted, **form, "scope": " ".join(scopes)})
        else:
            headers = {"Authorization": _basic(login)} if login is not None else {}
            response = await self._http.get(realm, params={**wanted, "scope": scopes}, headers=headers)
        token = self._token_from(response)
        self._scope = " ".join(scopes)  # of what one token holds, its successor is not to hold less
        return token

    def _token_from(self, response: "httpx.Response") -> str:
        if response.status_code != 200 or len(response.content) > _TOKEN_LIMIT:
            raise Unauthenticated(f"log in to {self._host}: its token server answered {response.status_code}")
        document = _json_object(response)
        token = document.get("token") or document.get("access_token")
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise Unauthenticated(f"log in to {self._host}: its token server sent no token")
        return token


def _json_object(response: "httpx.Response") -> dict[str, Any]:
    try:
        document = response.json()
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _basic(login: Login) -> str:
    return "Basic " + base64.b64encode(f"{login.username}:{login.secret}".encode()).decode()
