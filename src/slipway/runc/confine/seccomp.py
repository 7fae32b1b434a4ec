"""A specification's seccomp profile as a filter to load: compiled by libseccomp once, then found in a cache."""

import _blake2
import errno
import os

from slipway.base import json_text
from slipway.base.errors import InvalidArgument, NotImplementedByEngine
from slipway.base.files import read_whole, write_atomically
from slipway.contracts.oci.runtime import Seccomp, SeccompRule
from slipway.linux import seccomp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.base.json_text import Json

# Part of every key: raise it when the compilation changes.
_GENERATION = "1"

_ACTIONS = {
    "SCMP_ACT_KILL": seccomp.ACT_KILL_THREAD,
    "SCMP_ACT_KILL_THREAD": seccomp.ACT_KILL_THREAD,
    "SCMP_ACT_KILL_PROCESS": seccomp.ACT_KILL_PROCESS,
    "SCMP_ACT_TRAP": seccomp.ACT_TRAP,
    "SCMP_ACT_ERRNO": seccomp.ACT_ERRNO,
    "SCMP_ACT_TRACE": seccomp.ACT_TRACE,
    "SCMP_ACT_LOG": seccomp.ACT_LOG,
    "SCMP_ACT_ALLOW": seccomp.ACT_ALLOW,
}
_OPERATORS = {
    "SCMP_CMP_NE": seccomp.COMPARE_NE,
    "SCMP_CMP_LT": seccomp.COMPARE_LT,
    "SCMP_CMP_LE": seccomp.COMPARE_LE,
    "SCMP_CMP_EQ": seccomp.COMPARE_EQ,
    "SCMP_CMP_GE": seccomp.COMPARE_GE,
    "SCMP_CMP_GT": seccomp.COMPARE_GT,
    "SCMP_CMP_MASKED_EQ": seccomp.COMPARE_MASKED_EQ,
}
_FLAGS = {
    "SECCOMP_FILTER_FLAG_TSYNC": 0,  # one thread: nothing to synchronise
    "SECCOMP_FILTER_FLAG_LOG": seccomp.FLAG_LOG,
    "SECCOMP_FILTER_FLAG_SPEC_ALLOW": seccomp.FLAG_SPEC_ALLOW,
}
_ARCHITECTURE_PREFIX = "SCMP_ARCH_"


class Filter:
    """A program and the flags to load it with."""

    __slots__ = ("flags", "program")

    def __init__(self, program: bytes, flags: int) -> None:
        self.program = program
        self.flags = flags


def known_names() -> tuple[list[str], list[str], list[str]]:
    """Actions, operators and flags that are understood, for `runc features`."""
    return sorted(_ACTIONS), sorted(_OPERATORS), sorted(_FLAGS)


def filter_from_profile(profile: "Seccomp | None", source: "Json", cache: str) -> "Filter | None":
    """The filter of a profile, None if it asks for none. `source` is the profile's JSON, which keys the cache folder.

    Raises InvalidArgument for a malformed profile; NotImplementedByEngine for what this engine lacks (libseccomp,
    SCMP_ACT_NOTIFY): a profile is never skipped.
    """
    if profile is None or (not profile.default_action and not profile.rules):
        return None
    # Without a word about flags the speculation mitigations stay off, as the original and Docker have it.
    flags = seccomp.FLAG_SPEC_ALLOW if profile.flags is None else _flags(profile.flags)
    path = f"{cache}/{_key(source)}"
    program = _cached(path)
    if program is None:
        program = _compile(profile)
        _keep(cache, path, program)
    return Filter(program, flags)


def _flags(names: list[str]) -> int:
    flags = 0
    for name in names:
        if name not in _FLAGS:
            raise InvalidArgument(f"seccomp flag {name} is not known to runc")
        flags |= _FLAGS[name]
    return flags


def _key(source: "Json") -> str:
    text = json_text.dumps([_GENERATION, seccomp.library_version(), os.uname().machine, source])
    return _blake2.blake2b(text.encode(), digest_size=32).hexdigest()


def _cached(path: str) -> "bytes | None":
    """What is in the cache was written by us: the folder is closed to all others."""
    try:
        return read_whole(path) or None
    except FileNotFoundError:
        return None


def _keep(cache: str, path: str, program: bytes) -> None:
    try:
        os.makedirs(cache, 0o700, exist_ok=True)
        write_atomically(path, program, durable=False)
    except OSError as error:
        if error.errno not in (errno.EROFS, errno.ENOSPC):
            raise


def _compile(profile: Seccomp) -> bytes:
    default = _action(profile.default_action, profile.default_errno)
    architectures = [_architecture(name) for name in profile.architectures]
    rules: list[seccomp.Rule] = []
    for rule in profile.rules:
        action = _action(rule.action, rule.errno)
        comparisons = _comparisons(rule)
        rules.extend(seccomp.Rule(name, action, comparisons) for name in rule.names)
    return seccomp.compile_filter(default, architectures, rules)


def _action(name: str, number: "int | None") -> int:
    if name == "SCMP_ACT_NOTIFY":
        raise NotImplementedByEngine("seccomp action SCMP_ACT_NOTIFY is not implemented")
    if name not in _ACTIONS:
        raise InvalidArgument(f"string {name} is not a valid action for seccomp")
    action = _ACTIONS[name]
    if action in (seccomp.ACT_ERRNO, seccomp.ACT_TRACE):
        action |= (errno.EPERM if number is None else number) & 0xFFFF
    return action


def _architecture(name: str) -> str:
    if not name.startswith(_ARCHITECTURE_PREFIX):
        raise InvalidArgument(f"string {name} is not a valid arch for seccomp")
    return name[len(_ARCHITECTURE_PREFIX) :].lower()


def _comparisons(rule: SeccompRule) -> list[tuple[int, int, int, int]]:
    comparisons = []
    for argument in rule.args:
        if argument.operator not in _OPERATORS:
            raise InvalidArgument(f"string {argument.operator} is not a valid operator for seccomp")
        comparisons.append((argument.index, _OPERATORS[argument.operator], argument.value, argument.value_two))
    return comparisons
