"""What the engine does not do yet is refused with a sentence that says what, not with "page not found"."""

import asyncio

import orjson
import pytest

from slipway.dockerd.api import later
from slipway.dockerd.api.routing import Router
from slipway.transport.aio.http_messages import BodyStream, Request, Response


@pytest.mark.parametrize(
    ("method", "path", "what"),
    [
        ("POST", "/v1.51/commit?container=nginx", "making images from containers"),
        ("GET", "/v1.51/containers/nginx/export", "exporting containers"),
        ("GET", "/v1.51/images/search?term=nginx", "searching for images"),
        ("HEAD", "/containers/nginx/archive?path=/etc", "copying from containers"),
    ],
)
def test_it_says_what_it_does_not_do(method: str, path: str, what: str) -> None:
    body = BodyStream(lambda: None, lambda: None)
    request = Request(method=method, target=path.encode(), headers={}, body=body, keeps_alive=True)
    answer = asyncio.run(Router(later.routes(), {}).handle(request))
    assert isinstance(answer, Response)
    assert (answer.status, orjson.loads(answer.body)) == (
        501,
        {"message": f"{what} is not supported by this engine yet"},
    )
