"""Configuration files: a table from TOML or JSON becomes a frozen dataclass, or one clear sentence says why not."""

import dataclasses
import json
import tomllib
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from slipway.base.errors import InvalidArgument, NotFound, PermissionDenied
from slipway.base.files import read_whole

Settings = TypeVar("Settings")


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


def settings_from_table(kind: type[Settings], table: Mapping[str, Any], *, where: str) -> Settings:
    """Build the dataclass `kind` from `table`; absent keys keep their defaults.

    A key is a field's name, or the `key` in the field's metadata. Values must have the field's type: bool, int,
    float, str,
    `tuple[str, ...]`, `dict[str, str]`, or a dataclass for a table in the table. An unknown key and a wrong type raise
    InvalidArgument that names `where` and the key's full path.
    """
    assert dataclasses.is_dataclass(kind)
    hints = typing.get_type_hints(kind)
    fields = {field.metadata.get("key", field.name): field for field in dataclasses.fields(kind)}
    values: dict[str, Any] = {}
    for key, value in table.items():
        field = fields.get(key)
        if field is None:
            raise InvalidArgument(f"{where}: unknown key {key!r}", hint=f"known are {', '.join(sorted(fields))}")
        values[field.name] = _checked(hints[field.name], value, f"{where}: {key}")
    return typing.cast(Settings, kind(**values))


def toml_from_table(table: Mapping[str, Any]) -> str:
    """TOML text of strings, booleans, numbers, lists of them, and tables; keys in the order given."""
    return "\n".join(_toml_lines(table, ""))


def table_from_settings(settings: Any) -> dict[str, Any]:
    """The inverse of `settings_from_table`, every key present."""
    table: dict[str, Any] = {}
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if dataclasses.is_dataclass(value):
            value = table_from_settings(value)
        table[field.metadata.get("key", field.name)] = list(value) if isinstance(value, tuple) else value
    return table


def _text(path: str) -> str:
    try:
        return read_whole(path).decode()
    except FileNotFoundError as error:
        raise NotFound(f"read configuration {path}: no such file") from error
    except UnicodeDecodeError as error:
        raise InvalidArgument(f"read configuration {path}: not UTF-8 text") from error
    except OSError as error:
        raise PermissionDenied(f"read configuration {path}: {error.strerror}") from error


def _checked(wanted: Any, value: Any, where: str) -> Any:
    if dataclasses.is_dataclass(wanted) and isinstance(wanted, type):
        if isinstance(value, Mapping):
            return settings_from_table(wanted, value, where=where)
    elif isinstance(wanted, types.UnionType):
        return value if value is None else _checked(typing.get_args(wanted)[0], value, where)
    elif typing.get_origin(wanted) is tuple:
        if isinstance(value, list):
            return tuple(_checked(typing.get_args(wanted)[0], item, where) for item in value)
    elif typing.get_origin(wanted) is dict:
        if isinstance(value, Mapping):
            return {str(key): _checked(typing.get_args(wanted)[1], item, where) for key, item in value.items()}
    elif wanted is Any or type(value) is wanted or (wanted is float and type(value) is int):
        return value
    raise InvalidArgument(f"{where}: expected {_spoken(wanted)}, got {value!r}")


def _spoken(wanted: Any) -> str:
    words = {bool: "true or false", int: "a whole number", str: "text", float: "a number"}
    if typing.get_origin(wanted) is tuple:
        return "a list"
    return words.get(wanted, "a table")


def _toml_lines(table: Mapping[str, Any], prefix: str) -> Iterator[str]:
    tables = {key: value for key, value in table.items() if isinstance(value, Mapping)}
    for key, value in table.items():
        if key not in tables and value is not None:
            yield f"{_toml_key(key)} = {_toml_value(value)}"
    for key, value in tables.items():
        name = f"{prefix}{_toml_key(key)}"
        yield ""
        yield f"[{name}]"
        yield from _toml_lines(value, f"{name}.")


def _toml_key(key: str) -> str:
    return key if key.isascii() and key.replace("-", "").replace("_", "").isalnum() else json.dumps(key)


def _toml_value(value: Any) -> str:
    # JSON's strings, numbers, booleans and lists of them are TOML's too.
    return json.dumps(value)
