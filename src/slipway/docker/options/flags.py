"""What a flag is: its names, how its text becomes a value, and what help shows of it."""

from slipway.base.durations import duration_from_text
from slipway.docker.options import quantities

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

ONE, MANY, MAPPING = "one", "many", "mapping"


class Flag:
    """One flag of a command.

    `convert` turns the text into a value and raises ValueError (its message follows the flag's name). `collect` says
    what repetition does: replace the value (ONE), append to a list (MANY), or fill a mapping (MAPPING). `bare_value` is
    what a flag without text means; "" where text is required. `type_name` and `default_text` are for help only.
    """

    __slots__ = (
        "alias_of",
        "bare_value",
        "collect",
        "convert",
        "default",
        "default_text",
        "deprecated",
        "description",
        "is_hidden",
        "name",
        "short",
        "type_name",
    )

    def __init__(
        self,
        name: str,
        description: str = "",
        *,
        short: str = "",
        type_name: str = "string",
        convert: "Callable[[str], Any]" = str,
        collect: str = ONE,
        default: object = "",
        default_text: str = "",
        bare_value: str = "",
        is_hidden: bool = False,
        alias_of: str = "",
        deprecated: str = "",
    ) -> None:
        self.name = name
        self.description = description
        self.short = short
        self.type_name = type_name
        self.convert = convert
        self.collect = collect
        self.default = default
        self.default_text = default_text
        self.bare_value = bare_value
        self.is_hidden = is_hidden or bool(alias_of) or bool(deprecated)
        self.alias_of = alias_of or name
        self.deprecated = deprecated

    @property
    def shown_name(self) -> str:
        """`-m, --memory`, as error messages name it."""
        return f"-{self.short}, --{self.name}" if self.short else f"--{self.name}"


def boolean(name: str, description: str = "", *, short: str = "", default: bool = False, **more: "Any") -> Flag:
    """--name, --name=false."""
    return Flag(
        name,
        description,
        short=short,
        type_name="",
        convert=quantities.boolean_from_text,
        default=default,
        default_text="true" if default else "",
        bare_value="true",
        **more,
    )


def text(name: str, description: str = "", *, short: str = "", default: str = "", **more: "Any") -> Flag:
    """--name TEXT; the last one counts."""
    shown = f'"{default}"' if default else ""
    return Flag(name, description, short=short, default=default, default_text=shown, **more)


def texts(name: str, description: str = "", *, short: str = "", **more: "Any") -> Flag:
    """--name TEXT, as often as wanted."""
    more.setdefault("type_name", "list")
    return Flag(name, description, short=short, collect=MANY, default=(), **more)


def mapping(name: str, description: str = "", *, short: str = "", **more: "Any") -> Flag:
    """--name KEY=VALUE, as often as wanted."""
    return Flag(
        name,
        description,
        short=short,
        type_name="map",
        collect=MAPPING,
        default={},
        default_text="map[]",
        **more,
    )


def comma_separated(name: str, description: str = "", *, short: str = "", **more: "Any") -> Flag:
    """--name A,B as often as wanted; each part is one value."""
    return Flag(name, description, short=short, type_name="strings", convert=_split, collect=MANY, default=(), **more)


def integer(
    name: str, description: str = "", *, short: str = "", default: int = 0, bits: int = 64, **more: "Any"
) -> Flag:
    """--name NUMBER."""
    more.setdefault("type_name", "int")
    more.setdefault("convert", quantities.integer_parser(bits))
    return Flag(name, description, short=short, default=default, default_text=str(default) if default else "", **more)


def size(name: str, description: str = "", *, short: str = "", **more: "Any") -> Flag:
    """--name 64m: bytes, with binary units."""
    more.setdefault("convert", quantities.bytes_from_text)
    return Flag(name, description, short=short, type_name="bytes", default=0, **more)


def duration(name: str, description: str = "", **more: "Any") -> Flag:
    """--name 1m30s: nanoseconds."""
    return Flag(name, description, type_name="duration", convert=duration_from_text, default=0, **more)


def filters(description: str, *, name: str = "filter", short: str = "f") -> Flag:
    """--filter NAME=VALUE, as often as wanted."""
    return Flag(
        name,
        description,
        short=short,
        type_name="filter",
        convert=quantities.filter_from_text,
        collect=MANY,
        default=(),
    )


def _split(value: str) -> list[str]:
    return value.split(",") if value else []
