"""-v [source:]target[:options]: which of the values are binds, and which anonymous volumes."""

from slipway.base.errors import InvalidArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def parse_binds(
    values: "Iterable[str]", absolute: "Callable[[str], str]"
) -> "tuple[list[str] | None, dict[str, object]]":
    """(Binds or None, Volumes). `absolute` makes a relative path absolute."""
    binds: list[str] = []
    volumes: dict[str, object] = {}
    for value in dict.fromkeys(values):
        source = _source(value)
        if not source:
            volumes[value] = {}
            continue
        if source[0] in "./~":
            host_path, _, rest = value.partition(":")
            if host_path.startswith("."):
                host_path = absolute(host_path)
            value = f"{host_path}:{rest}"
        binds.append(value)
    return binds or None, volumes


def _source(text: str) -> str:
    """The part before the target, "" for an anonymous volume."""
    if not text:
        raise InvalidArgument("invalid empty volume spec")
    if len(text) <= 2:
        return ""
    parts = text.split(":")
    if len(parts) > 1 and len(parts[0]) == 1 and parts[0].isalpha():  # a Windows drive's colon separates nothing
        parts = [":".join(parts[:2]), *parts[2:]]
    if not all(parts):
        raise InvalidArgument(f"invalid spec: {text}: empty section between colons")
    if len(parts) > 3:
        raise InvalidArgument(f"invalid spec: {text}: too many colons")
    return parts[0] if len(parts) > 1 else ""
