"""One event, and which of them somebody wants. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


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


def is_wanted(event: Event, filters: Mapping[str, Sequence[str]]) -> bool:
    """Whether `event` passes: every filter that is given must match by one of its values."""
    return all(_matches(event, name, values) for name, values in filters.items())


def _matches(event: Event, name: str, values: Sequence[str]) -> bool:
    attributes = event.attributes
    if name == "type":
        return event.kind in values
    if name == "event":
        return event.action in values or event.action.partition(":")[0] in values
    if name == "label":
        return any(_has_label(attributes, value) for value in values)
    if name == "image":
        names = {event.actor, attributes.get("name", "")} if event.kind == "image" else {attributes.get("image", "")}
        return any(value in names or value in {each.partition(":")[0] for each in names} for value in values)
    if name == "scope":
        return "local" in values
    if name == event.kind:
        return any(event.actor.startswith(value) or attributes.get("name") == value for value in values)
    return name == "daemon" and event.kind == "daemon"


def _has_label(attributes: Mapping[str, str], wanted: str) -> bool:
    key, separator, value = wanted.partition("=")
    return key in attributes and (not separator or attributes[key] == value)
