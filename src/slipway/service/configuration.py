"""Configuration files: a table from TOML or JSON becomes a frozen dataclass, or one clear sentence says why not."""

import dataclasses
import json
import tomllib
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from slipway.base.durations import duration_from_text, go_duration
from slipway.base.errors import InvalidArgument, NotFound, PermissionDenied
from slipway.base.files import read_whole

Settings = TypeVar("Settings")
OnUnknown = Callable[[str], None]


class Duration(int):
    """A setting's time in nanoseconds; in a file it is Go's text for it ("1m30s") or the number 0."""

    @property
    def seconds(self) -> float:
        return self / 1_000_000_000


def read_toml(path: str) -> dict[str, Any]:
    """The table in a TOML file. Raises NotFound, PermissionDenied, InvalidArgument (with line and column)."""
    try:
        return tomllib.loads(_text(path))
    except tomllib.TOMLDecodeError as error:
        raise InvalidArgument(f"read configuration {path}: {error}") from error


def read_json(path: str) -> dict[str, Any]:
    """The object in a JSON file; an empty file is an empty object. Raises as `read_toml`."""
    text = _text(path)
    try:
        table = json.loads(text) if text.strip() else {}
    except ValueError as error:
        raise InvalidArgument(f"read configuration {path}: {error}") from error
    if not isinstance(table, dict):
        raise InvalidArgument(f"read configuration {path}: it must be a JSON object")
    return table


def settings_from_table(
    kind: type[Settings], table: Mapping[str, Any], *, where: str, on_unknown: OnUnknown | None = None
) -> Settings:
    """Build the dataclass `kind` from `table`; absent keys keep their defaults.

    A key is a field's name, or the `key` in the field's metadata. Values must have the field's type: bool, int,
    float, str, Duration, `tuple[T, ...]`, `dict[str, T]`, or a dataclass for a table in the table. A wrong type
    raises InvalidArgument that names `where` and the key's dotted path. So does an unknown key; with `on_unknown`
    that one is told the path instead, and the key is passed over.
    """
    return typing.cast(Settings, _Decoder(where, on_unknown).settings(kind, table, ""))


def toml_from_table(table: Mapping[str, Any]) -> str:
    """TOML text of strings, booleans, numbers, lists of them, and tables; keys in the order given."""
    return "\n".join(_toml_lines(table, ""))


def table_from_settings(settings: Any) -> dict[str, Any]:
    """The inverse of `settings_from_table`, every key present."""
    return {key_of(field): _plain(getattr(settings, field.name)) for field in dataclasses.fields(settings)}


def key_of(field: "dataclasses.Field[Any]") -> str:
    """The key of a field in the file."""
    return str(field.metadata.get("key", field.name))


def key_path(path: str, key: str) -> str:
    """The dotted path of a key of the table at `path` (empty: the whole file)."""
    return f"{path}.{_toml_key(key)}" if path else _toml_key(key)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return table_from_settings(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return go_duration(value) if isinstance(value, Duration) else value


def _text(path: str) -> str:
    try:
        return read_whole(path).decode()
    except FileNotFoundError as error:
        raise NotFound(f"read configuration {path}: no such file") from error
    except UnicodeDecodeError as error:
        raise InvalidArgument(f"read configuration {path}: not UTF-8 text") from error
    except OSError as error:
        raise PermissionDenied(f"read configuration {path}: {error.strerror}") from error


class _Decoder:
    """Decodes one file, named `where` in what it says."""

    def __init__(self, where: str, on_unknown: OnUnknown | None) -> None:
        self._where = where
        self._on_unknown = on_unknown

    def settings(self, kind: Any, table: Mapping[str, Any], path: str) -> Any:
        hints = typing.get_type_hints(kind)
        fields = {key_of(field): field for field in dataclasses.fields(kind)}
        values: dict[str, Any] = {}
        for key, value in table.items():
            if (field := fields.get(key)) is not None:
                values[field.name] = self._value(hints[field.name], value, key_path(path, key))
            elif self._on_unknown is not None:
                self._on_unknown(key_path(path, key))
            else:
                hint = f"known are {', '.join(sorted(fields))}"
                raise InvalidArgument(f"{self._where}: unknown key {key_path(path, key)!r}", hint=hint)
        return kind(**values)

    def _value(self, wanted: Any, value: Any, path: str) -> Any:
        if dataclasses.is_dataclass(wanted):
            if isinstance(value, Mapping):
                return self.settings(wanted, value, path)
        elif isinstance(wanted, types.UnionType):
            return value if value is None else self._value(typing.get_args(wanted)[0], value, path)
        elif typing.get_origin(wanted) is tuple:
            if isinstance(value, list):
                return tuple(self._value(typing.get_args(wanted)[0], item, path) for item in value)
        elif typing.get_origin(wanted) is dict:
            if isinstance(value, Mapping):
                items = {str(key): (item, key_path(path, str(key))) for key, item in value.items()}
                return {key: self._value(typing.get_args(wanted)[1], *item) for key, item in items.items()}
        elif wanted is Duration:
            if isinstance(value, str) or (value == 0 and type(value) is int):
                return self._duration(str(value), path)
        elif wanted is Any or type(value) is wanted or (wanted is float and type(value) is int):
            return value
        raise InvalidArgument(f"{self._where}: {path}: expected {_spoken(wanted)}, got {value!r}")

    def _duration(self, text: str, path: str) -> Duration:
        try:
            return Duration(duration_from_text(text))
        except ValueError as error:
            raise InvalidArgument(f"{self._where}: {path}: {error}") from None


def _spoken(wanted: Any) -> str:
    words = {
        bool: "true or false",
        int: "a whole number",
        str: "text",
        float: "a number",
        Duration: 'a duration such as "1m30s"',
    }
    if typing.get_origin(wanted) is tuple:
        return "a list"
    return words.get(wanted, "a table")


def _toml_lines(table: Mapping[str, Any], prefix: str) -> Iterator[str]:
    tables = {key: value for key, value in table.items() if isinstance(value, Mapping) or _is_tables(value)}
    for key, value in table.items():
        if key not in tables and value is not None:
            yield f"{_toml_key(key)} = {_toml_value(value)}"
    for key, value in tables.items():
        name = f"{prefix}{_toml_key(key)}"
        heading, several = (f"[{name}]", [value]) if isinstance(value, Mapping) else (f"[[{name}]]", value)
        for one in several:
            yield ""
            yield heading
            yield from _toml_lines(one, f"{name}.")


def _is_tables(value: Any) -> bool:
    return isinstance(value, Sequence) and bool(value) and isinstance(value[0], Mapping)


def _toml_key(key: str) -> str:
    return key if key.isascii() and key.replace("-", "").replace("_", "").isalnum() else _toml_value(key)


def _toml_value(value: Any) -> str:
    # JSON's strings, numbers, booleans and lists of them are TOML's too; but for halves of surrogate pairs as escapes,
    # and for DEL, which JSON leaves as it is.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
