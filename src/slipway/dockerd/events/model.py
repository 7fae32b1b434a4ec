"""One event, and which of them somebody wants. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from slipway.base.errors import InvalidArgument
from slipway.base.references import parse_reference
from slipway.contracts.engine_api.filters import Filters

_KINDS: Final = ("daemon", "container", "plugin", "volume", "network", "node", "service", "secret", "config")
_WITH_MORE: Final = frozenset(("exec_create", "exec_start", "health_status"))


@dataclass(frozen=True, kw_only=True)
class Event:
    """`kind` is container, image, network, volume or daemon; `actor` its id; `time` in nanoseconds."""

    kind: str
    action: str
    actor: str
    time: int
    attributes: Mapping[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """As the Engine API writes it; containers and images carry the fields of old clients too."""
        old: dict[str, Any] = {}
        if self.kind in ("container", "image"):
            old = {"status": self.action, "id": self.actor}
            if self.kind == "container":
                old["from"] = self.attributes.get("image", "")
            old = {name: text for name, text in old.items() if text}  # `prune` is of no container
        return {
            **old,
            "Type": self.kind,
            "Action": self.action,
            "Actor": {"ID": self.actor, "Attributes": dict(sorted(self.attributes.items()))},
            "scope": "local",
            "time": self.time // 1_000_000_000,
            "timeNano": self.time,
        }


def is_wanted(event: Event, filters: Filters) -> bool:
    """Whether `event` passes every filter that is given; by one of its values, of labels by all."""
    return (
        _has_action(event, filters)
        and filters.equals("type", event.kind)
        and filters.equals("scope", "local")
        and all(_is_about(event, kind, filters) for kind in _KINDS)
        and _has_image(event, filters)
        and filters.has_labels(event.attributes)
    )


def _has_action(event: Event, filters: Filters) -> bool:
    """The beginning is enough for those that go on with a colon and what is done."""
    if _WITH_MORE.isdisjoint(filters.values("event")):
        return filters.equals("event", event.action)
    return filters.begins("event", event.action)


def _is_about(event: Event, kind: str, filters: Filters) -> bool:
    """By the beginning of the id or of the name."""
    return filters.begins(kind, event.actor) or filters.begins(kind, event.attributes.get("name", ""))


def _has_image(event: Event, filters: Filters) -> bool:
    """That of an image's event, or of a container's; with its tag or without."""
    name = event.attributes.get("name" if event.kind == "image" else "image", "")
    known = (event.actor, name, _without_tag(event.actor), _without_tag(name))
    return any(filters.equals("image", each) for each in known)


def _without_tag(name: str) -> str:
    try:
        return parse_reference(name).familiar_name
    except InvalidArgument:
        return name
