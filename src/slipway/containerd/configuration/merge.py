"""How imported files change what was read before them, by the original's rules. Pure.

    before   in the import   after
    "a"      "b"             "b"
    "a"      "" or nothing   "a"      (the same for numbers and booleans: 0 and false change nothing)
    ["a"]    ["b", "a"]      ["a", "b"]
    a table  a table         the union; what both have, by these rules

An entry of timeouts, proxy_plugins or stream_processors replaces its namesake whole; in a plugin's table every value
that is given counts, be it empty.
Source: containerd cmd/containerd/server/config, mergeConfig.
"""

import typing
from collections.abc import Mapping
from typing import Any, Final

from slipway.containerd.configuration.names import OUR_KEYS

_REPLACED_WHOLE: Final = ("timeouts", "proxy_plugins", "stream_processors")


def merge(before: dict[str, Any], table: Mapping[str, Any]) -> None:
    """Change `before` by a file's table."""
    for key, value in table.items():
        if key in _REPLACED_WHOLE:
            before.setdefault(key, {}).update(value)
        elif key in OUR_KEYS:  # one of them is true by default
            before[key] = value
        elif key == "plugins":
            _override(before.setdefault(key, {}), value)
        else:
            _merge_value(before, key, value)


def _merge_value(before: dict[str, Any], key: str, value: Any) -> None:
    if isinstance(value, Mapping):
        within = _inner(before, key)
        for name, inner in value.items():
            _merge_value(within, name, inner)
    elif isinstance(value, list):
        there = before.get(key)
        there = there if isinstance(there, list) else []
        before[key] = [*there, *(item for item in value if item not in there)]
    elif value:
        before[key] = value


def _override(before: dict[str, Any], table: Mapping[str, Any]) -> None:
    for key, value in table.items():
        if isinstance(value, Mapping):
            _override(_inner(before, key), value)
        else:
            before[key] = value


def _inner(before: dict[str, Any], key: str) -> dict[str, Any]:
    """The table at `key`; it takes the place of what is none, which can only be a key that nobody knows."""
    if not isinstance(before.get(key), dict):
        before[key] = {}
    return typing.cast(dict[str, Any], before[key])
