"""Which events a listener hears: every filter must match, as the original's."""

from typing import Any

import pytest

from slipway.contracts.engine_api.filters import filters_from_document
from slipway.dockerd.events.model import Event, is_wanted

WEB, IMAGE = "ab" * 32, "sha256:" + "1" * 64


def event(kind: str, action: str, actor: str, **attributes: str) -> Event:
    return Event(kind=kind, action=action, actor=actor, time=0, attributes=attributes)


DIED = event("container", "die", WEB, name="web-1", image="host:5000/team/app:1", role="web", keep="")
EXEC = event("container", "exec_start: sh -c true", WEB, name="web-1", image="busybox")
TAGGED = event("image", "tag", IMAGE, name="app:2")
JOINED = event("network", "connect", "cd" * 32, name="bridge", container=WEB)


@pytest.mark.parametrize(
    ("told", "filters", "wanted"),
    [
        (DIED, {}, True),
        (DIED, {"type": ["image", "container"]}, True),
        (DIED, {"type": ["image"]}, False),
        (DIED, {"event": ["die"]}, True),
        (DIED, {"event": ["di"]}, False),
        (EXEC, {"event": ["exec_start"]}, True),
        (EXEC, {"event": ["exec_start: sh -c true"]}, True),
        (EXEC, {"event": ["exec_create", "die"]}, False),
        (DIED, {"label": ["role=web", "keep"]}, True),
        (DIED, {"label": ["role=web", "keep=no"]}, False),  # all of them, not any
        (DIED, {"container": [WEB[:12]]}, True),
        (DIED, {"container": ["web-1"]}, True),
        (DIED, {"container": ["web"]}, True),  # names, too, by their beginning
        (DIED, {"container": ["eb-1"]}, False),
        (JOINED, {"container": ["web-1"]}, False),
        (JOINED, {"network": ["bri"]}, True),
        (DIED, {"network": ["bridge"]}, False),
        (DIED, {"image": ["host:5000/team/app"]}, True),
        (DIED, {"image": ["host:5000/team/app:1"]}, True),
        (DIED, {"image": ["host"]}, False),
        (TAGGED, {"image": ["app"]}, True),
        (TAGGED, {"image": [IMAGE]}, True),
        (TAGGED, {"image": ["app:1"]}, False),
        (JOINED, {"image": ["app"]}, False),
        (DIED, {"scope": ["local"]}, True),
        (DIED, {"scope": ["swarm"]}, False),
        (DIED, {"service": ["x"]}, False),
        (DIED, {"type": ["container"], "event": ["start"]}, False),
    ],
)
def test_an_event_must_pass_every_filter(told: Event, filters: dict[str, Any], wanted: bool) -> None:
    assert is_wanted(told, filters_from_document(filters)) is wanted
