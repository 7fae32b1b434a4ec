"""Environment variables and labels, from flags and from files of KEY=VALUE lines."""

from slipway.base.errors import InvalidArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def with_values(variables: "Iterable[str]", environment: "Mapping[str, str]") -> list[str]:
    """`-e NAME` without a value takes ours; where we have none it stays bare (and unsets the image's)."""
    found = []
    for variable in variables:
        if "=" not in variable and variable in environment:
            variable = f"{variable}={environment[variable]}"
        found.append(variable)
    return found


def by_name(variables: "Iterable[str]") -> "Iterable[str]":
    """Each variable once; the last one of a name counts."""
    return {variable.partition("=")[0]: variable for variable in variables}.values()


def lines_of_files(
    paths: "Iterable[str]", read: "Callable[[str], bytes]", environment: "Mapping[str, str] | None"
) -> list[str]:
    """KEY=VALUE lines of files. A key alone takes its value from `environment`, and is left out where that has none."""
    found: list[str] = []
    for path in paths:
        for number, raw in enumerate(read(path).removeprefix(_BYTE_ORDER_MARK).splitlines(), 1):
            line = _decoded(raw, number, path).lstrip()
            if line and not line.startswith("#"):
                found += _checked(line, path, environment)
    return found


def _checked(line: str, path: str, environment: "Mapping[str, str] | None") -> list[str]:
    key, equals, _ = line.partition("=")
    if not key:
        raise InvalidArgument(f"invalid env file ({path}): no variable name on line '{line}'")
    if " " in key or "\t" in key:
        raise InvalidArgument(f"invalid env file ({path}): variable '{key}' contains whitespaces")
    if equals:
        return [line]
    return [f"{key}={environment[line]}"] if environment is not None and line in environment else []


def _decoded(raw: bytes, number: int, path: str) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        shown = " ".join(map(str, raw))
        raise InvalidArgument(f"invalid env file ({path}): invalid utf8 bytes at line {number}: [{shown}]") from None


def pairs(texts: "Iterable[str]") -> dict[str, str]:
    """KEY=VALUE texts as a mapping; the last one of a key counts."""
    return {key: value for key, _, value in (text.partition("=") for text in texts)}
