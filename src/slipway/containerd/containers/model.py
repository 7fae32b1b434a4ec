"""A container: its specification, its runtime, the snapshot it runs on."""

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
