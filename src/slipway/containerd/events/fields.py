"""The fields of an event that filters may name: namespace, topic, event.container_id, event.labels.KEY, ..."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from google.protobuf.message import DecodeError, Message

from slipway.contracts.containerd_api.generated import event_types_pb2, images_pb2
from slipway.contracts.containerd_api.generated.types_pb2 import Envelope

_IMAGE_EVENTS: Final = (images_pb2.ImageCreate, images_pb2.ImageUpdate, images_pb2.ImageDelete)
_EVENT_TYPES: Final[Mapping[str, type[Message]]] = {
    kind.DESCRIPTOR.full_name: kind
    for kind in (
        *(getattr(event_types_pb2, name) for name in event_types_pb2.DESCRIPTOR.message_types_by_name),
        *_IMAGE_EVENTS,
    )
}


def event_field(envelope: Envelope, path: tuple[str, ...]) -> str | None:
    """None for what the envelope or the event in it does not have, and for events of unknown types."""
    if path == ("namespace",):
        return envelope.namespace or None
    if path == ("topic",):
        return envelope.topic or None
    if path[0] != "event" or len(path) < 2:
        return None
    event = _decoded(envelope.event.type_url, envelope.event.value)
    return _field(event, path[1:]) if event is not None else None


@lru_cache(maxsize=32)
def _decoded(type_url: str, value: bytes) -> Message | None:
    kind = _EVENT_TYPES.get(type_url.rpartition("/")[2])
    if kind is None:
        return None
    try:
        message: Message = kind.FromString(value)
    except DecodeError:
        return None
    return message


def _field(message: Any, path: tuple[str, ...]) -> str | None:
    """As the original's: text that is empty is absent, numbers and times have no words, a map is asked by its key."""
    name, rest = path[0], path[1:]
    if name not in message.DESCRIPTOR.fields_by_name:
        return None
    value = getattr(message, name)
    if isinstance(value, Message):
        return _field(value, rest) if rest and message.HasField(name) else None
    if hasattr(value, "get"):
        found: str | None = value.get(".".join(rest))
        return found
    if isinstance(value, bool):
        return "true" if value else "false"
    return value or None if isinstance(value, str) else None
