"""Reading the configuration file and what it imports: settings, and remarks on what in them changes nothing."""

import dataclasses
import glob
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from slipway.base.errors import InvalidArgument
from slipway.containerd.configuration import names
from slipway.containerd.configuration.merge import merge
from slipway.containerd.configuration.model import PluginSettings, Settings
from slipway.service.configuration import (
    Duration,
    key_of,
    key_path,
    read_toml,
    settings_from_table,
    table_from_settings,
)


@dataclass(frozen=True, kw_only=True)
class Remark:
    """A warning for the log: what is unusual about a key of a file."""

    message: str
    file: str
    key: str


def read_settings(path: str) -> tuple[Settings, list[Remark]]:
    """The settings of the file at `path` and of its imports, and what there is to say about them.

    Raises NotFound, PermissionDenied and InvalidArgument; these name the file, and the key by its dotted path.
    """
    remarks: list[Remark] = []
    merged = table_from_settings(Settings())
    pending, seen = [path], set[str]()
    while pending:
        file = pending.pop(0)
        if file in seen:
            continue
        seen.add(file)
        table = _newest(read_toml(file), file)
        remarks += _remarks_on(file, table)
        merge(merged, table)
        pending += _imports(file, table.get("imports", []))
    return settings_from_table(Settings, merged, where=path, on_unknown=lambda _: None), remarks


def _newest(table: dict[str, Any], file: str) -> dict[str, Any]:
    """A file's table as one of version 3 says it."""
    version = table.get("version", 1)
    if type(version) is not int or not 0 <= version <= names.NEWEST:
        raise InvalidArgument(
            f"{file}: version: expected a containerd config version equal to or less than {names.NEWEST}, "
            f"got {version!r}"
        )
    for key in ("disabled_plugins", "required_plugins"):
        listed = table.get(key, [])
        if not isinstance(listed, list):
            continue  # whoever decodes it says so
        if version >= 2 and not names.are_full(listed):
            raise InvalidArgument(f"{file}: {key}: expected names such as io.containerd.grpc.v1.cri, got {listed!r}")
        table[key] = [names.newest_name(name, version) if isinstance(name, str) else name for name in listed]
    plugins = table.get("plugins", {})
    if isinstance(plugins, dict):
        table["plugins"] = plugins = {names.newest_name(name, version): value for name, value in plugins.items()}
        ours = plugins.pop(names.OURS, {})
        table.update({key: ours[key] for key in names.OUR_KEYS if isinstance(ours, Mapping) and key in ours})
    return table | {"version": names.NEWEST}


def _imports(file: str, listed: list[str]) -> Iterator[str]:
    """The files that `file` imports: relative to its folder, patterns expanded in the order of names."""
    for name in listed:
        path = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(file)), name))
        if "*" in path:
            yield from sorted(glob.glob(path, include_hidden=True))
        else:
            yield path


def _remarks_on(file: str, table: Mapping[str, Any]) -> Iterator[Remark]:
    """Decodes the file on its own, so that what is wrong with it is said of it, and not of who imports it."""
    unknown: list[str] = []
    settings = settings_from_table(Settings, table, where=file, on_unknown=unknown.append)
    strangers = {key_path("plugins", name): name for name in table.get("plugins", {})}
    for key in unknown:
        if key not in strangers:
            yield Remark(message="Ignoring unknown key in TOML", file=file, key=key)
    yield from _remarks_on_plugins(file, table.get("plugins", {}))
    for key, why in _unserved(settings, ""):
        yield Remark(message=f"Setting changes nothing: {why}", file=file, key=key)


def _remarks_on_plugins(file: str, plugins: Mapping[str, Any]) -> Iterator[Remark]:
    """One for each table that nobody here reads, and for CRI's several but one."""
    ours = {key_of(field) for field in dataclasses.fields(PluginSettings)}
    strangers = [name for name in plugins if name not in ours]
    if cri := [name for name in strangers if names.is_cri(name)]:
        message = "Ignoring plugin: Kubernetes' runtime interface (CRI) is not served"
        yield Remark(message=message, file=file, key=key_path("plugins", cri[0]))
    for name in strangers:
        if names.is_cri(name) or (names.is_known_elsewhere(name) and _asks_for_nothing(plugins[name])):
            continue
        yield Remark(
            message="Ignoring plugin: there is none of that name here", file=file, key=key_path("plugins", name)
        )


def _asks_for_nothing(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(map(_asks_for_nothing, value.values()))
    return not value


def _unserved(settings: Any, path: str) -> Iterator[tuple[str, str]]:
    """The dotted paths of the keys that are set and change nothing, and why."""
    for field in dataclasses.fields(settings):
        value, place = getattr(settings, field.name), key_path(path, key_of(field))
        why = field.metadata.get("unserved", "")
        if why and value != field.default:
            yield place, why
        elif dataclasses.is_dataclass(value) and not isinstance(value, Duration):
            yield from _unserved(value, place)
