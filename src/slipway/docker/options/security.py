"""--security-opt: checks of form, seccomp profiles from files, and the paths that `systempaths=unconfined` unmasks."""

from slipway.base.errors import InvalidArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_BUILT_IN_PROFILES = ("builtin", "unconfined")


def parse_security_options(options: "Iterable[str]", read: "Callable[[str], bytes]") -> list[str]:
    """The options as the daemon takes them: a seccomp profile's file is replaced by its content."""
    return [_parse(option, read) for option in options]


def _parse(option: str, read: "Callable[[str], bytes]") -> str:
    key, separator, value = option.partition("=")
    if not separator and key != "no-new-privileges":
        key, separator, value = option.partition(":")
    if (not separator or not value) and key != "no-new-privileges":
        raise InvalidArgument(f'Invalid --security-opt: "{option}"')
    if key == "seccomp" and value not in _BUILT_IN_PROFILES:
        return f"seccomp={_profile(value, read)}"
    return option


def _profile(path: str, read: "Callable[[str], bytes]") -> str:
    try:
        data = read(path)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InvalidArgument(f"opening seccomp profile ({path}) failed: open {path}: {reason}") from error
    from slipway.clients.dockerd.json_documents import format_json_text, parse_json

    try:
        return format_json_text(parse_json(data, path))
    except InvalidArgument as error:
        raise InvalidArgument(f"compacting json for seccomp profile ({path}) failed: {error}") from error


def system_paths(options: list[str]) -> "tuple[list[str] | None, list[str] | None, list[str] | None]":
    """(options without `systempaths=unconfined`, MaskedPaths, ReadonlyPaths); the paths are None unless it was
    there.
    """
    remaining = [option for option in options if option != "systempaths=unconfined"]
    unmasked: list[str] | None = None if len(remaining) == len(options) else []
    return (remaining if options else None), unmasked, unmasked
