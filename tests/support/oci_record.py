"""What of the OCI runtime specification, and of runc's command line, the tests use: noted test by test.

The helpers by which tests write bundles and call runc note here what is in the configuration and in the words. Nothing
of it is kept but for `./dev conformance --oci`, which writes docs/conformance/oci-runtime.md from it.
"""

import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest

from slipway.base.errors import InvalidArgument
from slipway.contracts.oci.runtime import Spec
from slipway.contracts.oci.runtime_fields import Fields
from slipway.runc import commands
from slipway.runc.options.globals import FLAGS as GLOBAL_FLAGS
from slipway.runc.options.parse import Flag

FILE = "SLIPWAY_OCI_RECORD"
"""The environment's name for the file to which a session adds a line: {what is used: [tests that passed]} as JSON."""

_noted: dict[str, set[str]] = defaultdict(set)
_failed: set[str] = set()


class _Names(Fields):
    """In place of a configuration: notes every field that is read, with all below it, and answers nothing."""

    __slots__ = ("names",)

    def __init__(self, names: dict[str, None], where: str) -> None:
        super().__init__({}, where)
        self.names = names

    def _note(self, key: str) -> str:
        name = self._name(key)
        self.names[name] = None
        return name

    def has(self, key: str) -> bool:
        self._note(key)
        return False

    def text(self, key: str, default: str = "") -> str:
        self._note(key)
        return default

    def flag(self, key: str) -> bool:
        return self.has(key)

    def integer(self, key: str, *, low: int = 0, high: int = 0, default: int = 0) -> int:
        self._note(key)
        return default

    def text_map(self, key: str) -> dict[str, str]:
        self._note(key)
        return {}

    def object(self, key: str, build: Callable[[Fields], Any]) -> Any:
        with suppress(InvalidArgument):  # an empty one is refused, once its fields are read
            return build(_Names(self.names, self._note(key)))

    def objects(self, key: str, build: Callable[[Fields], Any]) -> list[Any]:
        self.object(key, build)
        return []

    def object_map(self, key: str, build: Callable[[Fields], Any]) -> dict[str, Any]:
        self.object(key, build)
        return {}

    def _list(self, key: str) -> list[Any]:
        self._note(key)
        return []


def properties() -> list[str]:
    """Every property of config.json that our runc reads, dotted, in the order of the specification."""
    names: dict[str, None] = {}
    Spec(_Names(names, ""))
    return list(names)


def words() -> list[str]:
    """Every command of runc, and every flag: `runc --root`, `exec`, `exec --tty`."""
    found = [f"runc --{flag.names[0]}" for flag in GLOBAL_FLAGS]
    for verb in commands.VERBS:
        found += [verb, *(f"{verb} --{flag.names[0]}" for flag in commands.load(verb).FLAGS)]
    return found


def note_spec(spec: dict[str, Any]) -> None:
    """The test that runs now has written this configuration."""
    known = dict.fromkeys(properties())
    _note(_used(spec, "", known))


def note_words(argv: tuple[str, ...]) -> None:
    """The test that runs now calls runc with these words."""
    verb = next((word for word in argv if word in commands.VERBS), "")
    given = {word.partition("=")[0] for word in argv if word.startswith("-")}
    if verb:
        _note([verb])
        _note(f"{verb} --{flag.names[0]}" for flag in commands.load(verb).FLAGS if given & _spellings(flag))
    _note(f"runc --{flag.names[0]}" for flag in GLOBAL_FLAGS if given & _spellings(flag))
    for flag, value in pairwise(argv):
        if verb == "exec" and flag in ("--process", "-p"):
            _note_process(value)


def _note_process(path: str) -> None:
    """A process document of `exec`; one that is not there, or is no JSON, is a test's way to be refused."""
    with suppress(OSError, ValueError), open(path) as file:
        note_spec({"process": json.load(file)})


def _spellings(flag: Flag) -> set[str]:
    return {f"{dashes}{name}" for name in flag.names for dashes in ("-", "--")}


def _used(value: Any, name: str, known: dict[str, None]) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _used(item, name, known)
    elif isinstance(value, dict):
        for key, item in value.items():
            below = f"{name}.{key}" if name else key
            if below in known and item is not None:
                yield below
                yield from _used(item, below, known)
            elif below not in known:
                yield from _used(item, name, known)  # `key` is one of the configuration's own: an interface, a clock


def _note(things: Any) -> None:
    test = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0]
    for thing in things:
        _noted[thing].add(test)


def note_report(report: pytest.TestReport) -> None:
    if report.failed:
        _failed.add(report.nodeid)


def keep() -> None:
    """At the end of a session."""
    if path := os.environ.get(FILE):
        kept = {thing: sorted(tests - _failed) for thing, tests in _noted.items()}
        with open(path, "a") as file:
            file.write(json.dumps(kept) + "\n")
