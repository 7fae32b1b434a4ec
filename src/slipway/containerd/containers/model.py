"""A container: its specification, its runtime, the snapshot it runs on."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class TypedValue:
    """A protobuf Any as it travels: the type's name and the bytes, which are not always protobuf (a specification is
    JSON)."""

    type_url: str = ""
    value: bytes = b""

    def __bool__(self) -> bool:
        return bool(self.type_url or self.value)


@dataclass(frozen=True, kw_only=True, slots=True)
class Container:
    """One container of one namespace. Times are nanoseconds since the epoch; 0 before it is stored."""

    id: str
    runtime_name: str
    spec: TypedValue
    runtime_options: TypedValue = TypedValue()
    image: str = ""
    snapshotter: str = ""
    snapshot_key: str = ""
    sandbox: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    extensions: Mapping[str, TypedValue] = field(default_factory=dict)
    created_at: int = 0
    updated_at: int = 0


def text_from_typed_values(values: Mapping[str, TypedValue]) -> str:
    """Extensions as one column of a row: {name: [type, base64]}."""
    return json.dumps(
        {name: [typed.type_url, base64.b64encode(typed.value).decode()] for name, typed in values.items()}
    )


def typed_values_from_text(text: str) -> dict[str, TypedValue]:
    """The inverse of `text_from_typed_values`."""
    return {name: TypedValue(kind, base64.b64decode(value)) for name, (kind, value) in json.loads(text).items()}
