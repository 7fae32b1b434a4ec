"""The JSON of a request's body by the rules of Go's decoder, where those are wider than JSON's own."""

import codecs
import json
from typing import Any, Final, NoReturn

import orjson

from slipway.base.errors import InvalidArgument

_BLANKS: Final = " \t\r\n"
_REPLACING: Final = "slipway-replace-each-byte"


def object_from_body(data: bytes) -> dict[str, Any]:
    """The object that `data` is; null is an empty one. Raises InvalidArgument.

    Bytes that are no UTF-8 and halves of surrogate pairs become U+FFFD, each. Nothing may follow the object; Go's
    `Decoder.More` overlooks what begins with a closing bracket, which nobody sends on purpose.
    """
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        document = _document_of_go(data, error)
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise InvalidArgument("invalid JSON in the request body: an object is needed")
    return document


def _document_of_go(data: bytes, error: orjson.JSONDecodeError) -> Any:
    """What Go reads where a strict decoder gives up; its error is told where Go would give up too."""
    text = data.decode("utf-8", _REPLACING).lstrip(_BLANKS)
    try:
        document, end = json.JSONDecoder(parse_constant=_no_constant).raw_decode(text)
        document = _without_surrogates(document)
    except (ValueError, RecursionError):
        raise InvalidArgument(f"invalid JSON in the request body: {error}") from error
    if text[end:].strip(_BLANKS):
        raise InvalidArgument("unexpected content after JSON")
    return document


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if _has_surrogate(value) else value
    if isinstance(value, list):
        return [_without_surrogates(one) for one in value]
    if isinstance(value, dict):
        return {_without_surrogates(name): _without_surrogates(one) for name, one in value.items()}
    return value


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON")


def _replace_each_byte(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "\ufffd" * (error.end - error.start), error.end


codecs.register_error(_REPLACING, _replace_each_byte)
