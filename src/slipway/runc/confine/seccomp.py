"""A specification's seccomp profile as a filter to load: compiled by libseccomp once, then found in a cache."""

import _blake2
import errno
import os

from slipway.base import json_text
from slipway.base.errors import FailedPrecondition, InvalidArgument
from slipway.base.files import make_folders, read_whole, write_atomically
from slipway.contracts.oci.runtime_seccomp import Seccomp, SeccompRule
from slipway.linux import seccomp
from slipway.runc.confine.seccomp_names import ACTIONS, ARCHITECTURES, FLAGS, OPERATORS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.base.json_text import Json

# Part of every key: raise it when the compilation changes.
_GENERATION = "2"
_NOTIFY = "SCMP_ACT_NOTIFY"

# Of a profile, what does not change the program: a listener's path is often a container's own.
_NOT_COMPILED = ("flags", "listenerMetadata", "listenerPath")
# Actions that carry a number to the caller or its tracer.
_WITH_NUMBER = (seccomp.ACT_ERRNO, seccomp.ACT_TRACE)


class Listener:
    """The agent that decides on announced system calls: its socket, and what it is told beside the state."""

    __slots__ = ("metadata", "path")

    def __init__(self, path: str, metadata: str) -> None:
        self.path = path
        self.metadata = metadata


class Filter:
    """A program, the flags to load it with, and who listens to it: None if it announces nothing."""

    __slots__ = ("flags", "listener", "program")

    def __init__(self, program: bytes, flags: int, listener: "Listener | None") -> None:
        self.program = program
        self.flags = flags
        self.listener = listener


def known_names() -> tuple[list[str], list[str], list[str]]:
    """Actions, operators and flags that are understood, for `runc features`."""
    return sorted(ACTIONS), sorted(OPERATORS), sorted(FLAGS)


def supported_flags() -> list[str]:
    """Those of the known flags that the running kernel takes."""
    return [name for name in sorted(FLAGS) if _is_supported(FLAGS[name])]


def _is_supported(flag: int) -> bool:
    # Waiting to be killed has a meaning only where somebody listens; the kernel insists on it.
    return seccomp.supports_flags(flag | seccomp.FLAG_NEW_LISTENER if flag == seccomp.FLAG_WAIT_KILLABLE_RECV else flag)


def filter_from_profile(profile: "Seccomp | None", source: "Json", cache: str) -> "Filter | None":
    """The filter of a profile, None if it asks for none. `source` is the profile's JSON, which keys the cache folder.

    Raises InvalidArgument for a malformed profile, NotImplementedByEngine without libseccomp: a profile is never
    skipped.
    """
    if profile is None or (not profile.default_action and not profile.rules):
        return None
    # Without a word about flags the speculation mitigations stay off, as the original and Docker have it.
    flags = seccomp.FLAG_SPEC_ALLOW if profile.flags is None else _flags(profile.flags)
    listener = _listener(profile)
    if listener is not None:
        flags |= seccomp.FLAG_NEW_LISTENER
    elif flags & seccomp.FLAG_WAIT_KILLABLE_RECV:
        raise InvalidArgument("seccomp flag SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV needs a rule of SCMP_ACT_NOTIFY")
    path = f"{cache}/{_key(source)}"
    program = _cached(path)
    if program is None:
        program = _compile(profile)
        _keep(cache, path, program)
    return Filter(program, flags, listener)


def _listener(profile: Seccomp) -> "Listener | None":
    """Who listens, if any rule announces calls. Raises InvalidArgument for what could never be handed over.

    The descriptor's number is written to the parent under the filter already: a `write` that waits for the agent would
    wait for ever, as the agent does not have the descriptor yet.
    """
    if profile.default_action == _NOTIFY:
        raise InvalidArgument("SCMP_ACT_NOTIFY cannot be used as default action")
    if profile.listener_metadata and not profile.listener_path:
        raise InvalidArgument("seccomp listenerMetadata is set, but listenerPath is not")
    rules = [rule for rule in profile.rules if rule.action == _NOTIFY]
    if not rules:
        return None
    if any("write" in rule.names for rule in rules):
        raise InvalidArgument("SCMP_ACT_NOTIFY cannot be used for the write syscall")
    if not profile.listener_path:
        raise InvalidArgument("seccomp listenerPath is not set")
    return Listener(profile.listener_path, profile.listener_metadata)


def _flags(names: list[str]) -> int:
    flags = 0
    for name in names:
        if name not in FLAGS:
            raise InvalidArgument(f"seccomp flag {name} is not known to runc")
        if not _is_supported(FLAGS[name]):
            raise FailedPrecondition(f"seccomp flag {name} is not supported by the running kernel")
        flags |= FLAGS[name]
    return flags


def _key(source: "Json") -> str:
    if isinstance(source, dict):
        source = {name: value for name, value in source.items() if name not in _NOT_COMPILED}
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
        make_folders(cache, 0o700)
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
        if not all(rule.names):
            raise InvalidArgument("empty string is not a valid syscall")
        rules.extend(seccomp.Rule(name, action, comparisons) for name in rule.names)
    return seccomp.compile_filter(default, architectures, rules)


def _action(name: str, number: "int | None") -> int:
    if name not in ACTIONS:
        raise InvalidArgument(f"string {name} is not a valid action for seccomp")
    action = ACTIONS[name]
    if action in _WITH_NUMBER:
        return action | (errno.EPERM if number is None else number) & 0xFFFF
    if number is not None:
        raise InvalidArgument(f"seccomp action {name} takes no errnoRet")
    return action


def _architecture(name: str) -> str:
    if name not in ARCHITECTURES:
        raise InvalidArgument(f"string {name} is not a valid arch for seccomp")
    return ARCHITECTURES[name]


def _comparisons(rule: SeccompRule) -> list[tuple[int, int, int, int]]:
    comparisons = []
    for argument in rule.args:
        if argument.operator not in OPERATORS:
            raise InvalidArgument(f"string {argument.operator} is not a valid operator for seccomp")
        comparisons.append((argument.index, OPERATORS[argument.operator], argument.value, argument.value_two))
    return comparisons
