"""Reading one field of a decoded JSON object, with the path to it in every error."""

from slipway.base.errors import InvalidArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from slipway.base.json_text import Json

    T = TypeVar("T")

_NUL = "\0"


class Fields:
    """A JSON object and where it stands (`process.user`). An absent field and `null` are the same, as in Go.

    Every method raises InvalidArgument for a value of another type, and for text with a NUL byte: such text would be
    cut on its way into the kernel.
    """

    __slots__ = ("_values", "where")

    def __init__(self, value: "Json", where: str) -> None:
        if not isinstance(value, dict):
            raise InvalidArgument(f"{where or 'configuration'} must be an object")
        self._values = value
        self.where = where

    def _name(self, key: str) -> str:
        return f"{self.where}.{key}" if self.where else key

    def has(self, key: str) -> bool:
        return self._values.get(key) is not None

    def text(self, key: str, default: str = "") -> str:
        value = self._values.get(key)
        return default if value is None else text_from_json(value, self._name(key))

    def flag(self, key: str) -> bool:
        value = self._values.get(key)
        if value is not None and not isinstance(value, bool):
            raise InvalidArgument(f"{self._name(key)} must be true or false")
        return bool(value)

    def optional_flag(self, key: str) -> "bool | None":
        return self.flag(key) if self.has(key) else None

    def integer(self, key: str, *, low: int = 0, high: int = (1 << 64) - 1, default: int = 0) -> int:
        value = self._values.get(key)
        return default if value is None else integer_from_json(value, self._name(key), low, high)

    def optional_integer(self, key: str, *, low: int = 0, high: int = (1 << 64) - 1) -> "int | None":
        return self.integer(key, low=low, high=high) if self.has(key) else None

    def texts(self, key: str) -> list[str]:
        name = self._name(key)
        return [text_from_json(item, f"{name}[{index}]") for index, item in enumerate(self._list(key))]

    def integers(self, key: str, *, low: int = 0, high: int = (1 << 64) - 1) -> list[int]:
        name = self._name(key)
        return [integer_from_json(item, f"{name}[{index}]", low, high) for index, item in enumerate(self._list(key))]

    def text_map(self, key: str) -> dict[str, str]:
        value = self._values.get(key)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise InvalidArgument(f"{self._name(key)} must be an object")
        return {
            text_from_json(name, self._name(key)): text_from_json(item, f"{self._name(key)}.{name}")
            for name, item in value.items()
        }

    def object(self, key: str, build: "Callable[[Fields], T]") -> "T | None":
        value = self._values.get(key)
        return None if value is None else build(Fields(value, self._name(key)))

    def objects(self, key: str, build: "Callable[[Fields], T]") -> "list[T]":
        name = self._name(key)
        return [build(Fields(item, f"{name}[{index}]")) for index, item in enumerate(self._list(key))]

    def object_map(self, key: str, build: "Callable[[Fields], T]") -> "dict[str, T]":
        value = self._values.get(key)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise InvalidArgument(f"{self._name(key)} must be an object")
        return {name: build(Fields(item, f"{self._name(key)}.{name}")) for name, item in value.items()}

    def _list(self, key: str) -> "list[Json]":
        value = self._values.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            raise InvalidArgument(f"{self._name(key)} must be a list")
        return value


def text_from_json(value: "Json", where: str) -> str:
    if not isinstance(value, str):
        raise InvalidArgument(f"{where} must be text")
    if _NUL in value:
        raise InvalidArgument(f"{where} contains a NUL byte")
    return value


def integer_from_json(value: "Json", where: str, low: int, high: int) -> int:
    """A whole number in range; 1.0 is not one, nor is true."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise InvalidArgument(f"{where} must be a whole number from {low} to {high}")
    return value
