"""Where a secret may go."""

import asyncio
from typing import cast

import httpx
import pytest

from slipway.base.errors import Unauthenticated
from slipway.clients.registry.authorization import Authorizer
from slipway.clients.registry.model import Login


async def _login(host: str, challenges: tuple[str, ...]) -> Login:
    return Login(username="me", secret="very secret")


class _NoNetwork:
    """A client that must not be used."""


def test_a_registry_over_tls_may_not_name_a_token_server_in_clear() -> None:
    http = cast(httpx.AsyncClient, _NoNetwork())
    authorizer = Authorizer(http, ("https", "registry.example"), "repository:a:pull", _login)
    with pytest.raises(Unauthenticated, match="token server"):
        asyncio.run(authorizer.answer(('Bearer realm="http://registry.example/token"',)))
    assert not authorizer.header


def test_of_requests_that_are_refused_at_once_one_logs_in() -> None:
    asked = []

    async def login(host: str, challenges: tuple[str, ...]) -> Login:
        asked.append(host)
        await asyncio.sleep(0)
        return Login(username="me", secret="very secret")

    async def main() -> list[bool]:
        http = cast(httpx.AsyncClient, _NoNetwork())
        authorizer = Authorizer(http, ("https", "registry.example"), "repository:a:pull", login)
        return await asyncio.gather(*(authorizer.answer(('Basic realm="r"',), "") for _ in range(3)))

    assert asyncio.run(main()) == [True, True, True]
    assert asked == ["registry.example"]
