"""JSON without the `json` package, whose decoder imports `re` (6 ms of a start): its C scanner, driven directly."""

import _json

from slipway.base.errors import InvalidArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    # What JSON holds. Readers narrow it field by field.
    Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

_BLANKS = " \t\n\r"


def loads(text: "str | bytes", what: str = "JSON") -> "Json":
    """Decode one JSON value. Raises InvalidArgument naming `what` for anything else, NaN and deep nesting included."""
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise InvalidArgument(f"decode {what}: not UTF-8 at byte {error.start}") from None
    value, end = scan(text, len(text) - len(text.lstrip(_BLANKS)), what)
    if text[end:].strip(_BLANKS):
        raise InvalidArgument(f"decode {what}: extra data at character {end}")
    return value


def scan(text: str, start: int, what: str = "JSON") -> "tuple[Json, int]":
    """The value that begins at `start`, and where it ends. Raises InvalidArgument when none begins there."""
    try:
        value, end = _scan(text, start)
    except StopIteration as error:
        raise InvalidArgument(f"decode {what}: no value at character {error.value}") from None
    except (ValueError, RecursionError) as error:
        raise InvalidArgument(f"decode {what}: {error}") from None
    except SystemError:
        # Up to Python 3.12 the scanner raises json.JSONDecodeError only where json is imported already.
        raise InvalidArgument(f"decode {what}: malformed JSON") from None
    result: Json = value
    return result, end


def dumps(value: "Json", *, sort_keys: bool = False) -> str:
    """Encode compactly: no blanks, text as it is (not ASCII only). Raises InvalidArgument for what JSON cannot hold."""
    encode = _json.make_encoder(None, _refuse, _json.encode_basestring, None, ":", ",", sort_keys, False, False)
    try:
        return "".join(encode(value, 0))
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidArgument(f"encode JSON: {error}") from None


def dumps_indented(value: "Json", step: str = "  ") -> str:
    """Encode for people: one item per line, as Go's MarshalIndent does."""
    return _indented(value, "\n", step)


def _indented(value: "Json", newline: str, step: str) -> str:
    inner = newline + step
    if isinstance(value, dict) and value:
        items = [f"{_json.encode_basestring(key)}: {_indented(item, inner, step)}" for key, item in value.items()]
        return "{" + inner + ("," + inner).join(items) + newline + "}"
    if isinstance(value, list) and value:
        return "[" + inner + ("," + inner).join(_indented(item, inner, step) for item in value) + newline + "]"
    return dumps(value)


def _refuse(value: object) -> object:
    raise TypeError(f"{type(value).__name__} is not JSON")


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


class _Context:
    """What the C scanner asks for: the hooks of json.JSONDecoder."""

    __slots__ = ()

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = staticmethod(_no_constant)


_scan = _json.make_scanner(_Context())  # type: ignore[arg-type]  # the stub wants a scanner here
