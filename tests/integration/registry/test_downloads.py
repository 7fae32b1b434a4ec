"""Files by URL from servers that mislead: only http and https are followed, and and lengths may lie."""

import asyncio

import pytest

from slipway.base.errors import EngineError, InvalidArgument, NotFound, Unavailable
from slipway.clients.web.download import open_download

from .conftest import Answer, Registry


def fetch(url: str) -> tuple[int, bytes]:
    """(total, body)."""

    async def main() -> tuple[int, bytes]:
        async with open_download(url) as download:
            parts = []
            while data := await download.read():
                parts.append(data)
            return download.total, b"".join(parts)

    return asyncio.run(main())


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "gopher://127.0.0.1/", "unix:///var/run/docker.sock", "data:,x"]
)
def test_a_redirect_leads_to_no_other_scheme(registry: Registry, target: str) -> None:
    registry.answer = lambda asked: Answer(302, headers={"Location": target})
    with pytest.raises(InvalidArgument):
        fetch(f"http://{registry.domain}/x")


def test_redirects_end(registry: Registry) -> None:
    registry.answer = lambda asked: Answer(302, headers={"Location": f"{asked.path}x"})
    with pytest.raises(Unavailable, match="stopped after 10 redirects"):
        fetch(f"http://{registry.domain}/x")
    assert len(registry.asked) <= 10


@pytest.mark.parametrize("length", ["9" * 18, "9" * 19, "9" * 4400, "-1", "1_0", "\u00b2"])
def test_a_length_that_lies_is_an_error_in_words(registry: Registry, length: str) -> None:
    registry.answer = lambda asked: Answer(body=b"short", headers={"Content-Length": length}, cut=5)
    with pytest.raises(EngineError) as refused:
        fetch(f"http://{registry.domain}/x")
    assert "Traceback" not in refused.value.message


def test_an_error_page_that_breaks_off_is_told_as_far_as_it_came(registry: Registry) -> None:
    """It was an internal error of the daemon."""
    registry.answer = lambda asked: Answer(404, body=b"no such page", headers={"Content-Length": "500"}, cut=7)
    with pytest.raises(NotFound, match=r"with status 404 .*: no such$"):
        fetch(f"http://{registry.domain}/x")
