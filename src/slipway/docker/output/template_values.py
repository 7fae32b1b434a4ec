"""Values as Go prints, compares and iterates them, for --format templates over JSON documents and table rows."""

from slipway.clients.dockerd.json_documents import format_json_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any


class Missing:
    """What Go's maps give for a key that they do not have; prints as <no value>."""


MISSING = Missing()


class Nil:
    """A list or map that the daemon never set: null as JSON, and empty in every other respect."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __bool__(self) -> bool:
        return False


class Row:
    """One line of a listing: named columns, computed when a template asks for them.

    `columns` maps a name to a function without arguments; `methods` to one that takes the template's arguments (Label).
    `type_name` is what the original calls it in error messages.
    """

    __slots__ = ("columns", "methods", "type_name")

    def __init__(
        self,
        type_name: str,
        columns: "dict[str, Callable[[], Any]]",
        methods: "dict[str, Callable[..., Any]] | None" = None,
    ) -> None:
        self.type_name = type_name
        self.columns = columns
        self.methods = methods or {}


def show(value: object) -> str:
    """Go's %v of a decoded document's part.

    An object whose members all have CamelCase names was a struct in the daemon and prints as one, {a b}; others are
    maps.
    """
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, dict):
        if value and all(key[:1].isupper() and key.isalnum() for key in value):
            return "{" + " ".join(map(show, value.values())) + "}"
        return "map[" + " ".join(f"{key}:{show(value[key])}" for key in sorted(value)) + "]"
    if isinstance(value, (list, tuple)):
        return "[" + " ".join(map(show, value)) + "]"
    if isinstance(value, Nil):
        return value.text
    return "<no value>" if isinstance(value, Missing) else str(value)


def _float(value: float) -> str:
    if value == int(value) and abs(value) < 1e21:
        return str(int(value))
    return repr(value)


def is_true(value: object) -> bool:
    """Go's truth: zero, "", nil, false and empty collections are not."""
    return not isinstance(value, Missing) and bool(value)


def pairs(value: object) -> "Iterable[tuple[object, object]] | None":
    """What {{range}} walks over: (index, element) of a list, (key, value) of an object by key; None: cannot be
    ranged.
    """
    if value is None or isinstance(value, (Missing, Nil)):
        return ()
    if isinstance(value, dict):
        return [(key, value[key]) for key in sorted(value)]
    if isinstance(value, (list, tuple)):
        return list(enumerate(value))
    if isinstance(value, int) and not isinstance(value, bool):
        return [(number, number) for number in range(value)]
    return None


def to_json(value: object) -> str:
    """{{json .}}: documents as they are; rows with sorted names and <, >, & escaped, as Go's two encoders together
    do.
    """
    if isinstance(value, Row):
        document = {name: column() for name, column in value.columns.items()}
        text = format_json_text(document, sort_keys=True)
        return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    return "null" if isinstance(value, (Missing, Nil)) else format_json_text(value)


def type_name(value: object) -> str:
    """What Go would call the value's type in a message."""
    if isinstance(value, Row):
        return value.type_name
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (list, tuple)):
        return "[]interface {}"
    return {str: "string", int: "int", float: "float64", dict: "map[string]interface {}"}.get(
        type(value), "interface {}"
    )
