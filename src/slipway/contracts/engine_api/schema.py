"""Decodes Engine API documents (JSON objects) into frozen dataclasses and back, by the types of their fields.

A field's JSON name is its own in CamelCase, unless `json=` names another. As Go's decoder does: unknown members are
ignored, member names match without regard to case, and null leaves the default; null among strings, numbers or booleans
is their zero. What Go calls nil (a list or map never given) is None here and null on the wire; `omit_empty=True` leaves
a zero value out, as Go's omitempty does.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, field, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from slipway.base.errors import InvalidArgument

T = TypeVar("T")
Decoder = Callable[[Any, str], Any]
Encoder = Callable[[Any], Any]
EmptyObject = dict[str, Any]  # Go's struct{}: only the key that leads to it means something


def member(
    default: Any = MISSING,
    *,
    factory: Any = MISSING,
    json: str = "",
    omit_empty: bool = False,
    decoder: Decoder | None = None,
) -> Any:
    """A dataclass field with its name on the wire; `decoder` replaces the one that the field's type would give."""
    metadata = {"json": json, "omit_empty": omit_empty, "decoder": decoder}
    if factory is not MISSING:
        return field(default_factory=factory, metadata=metadata)
    return field(default=default, metadata=metadata)


def decode(kind: type[T], document: object, where: str = "body") -> T:
    """The `kind` that `document` (as a JSON parser gives it) describes; raises InvalidArgument naming the member."""
    key: Any = kind
    decoded: T = _class_decoder(key)(document, where)
    return decoded


def encode(value: object) -> dict[str, Any]:
    """The JSON-ready object of a dataclass value; the inverse of `decode`."""
    key: Any = type(value)
    encoded: dict[str, Any] = _class_encoder(key)(value)
    return encoded


def decode_string_list(value: Any, where: str) -> tuple[str, ...]:
    """A list of strings; a lone string stands for a list of one (Docker's Cmd and Entrypoint)."""
    if isinstance(value, str):
        return (value,)
    strings: tuple[str, ...] = _strings(value, where)
    return strings


def decode_size(value: Any, where: str) -> tuple[int, ...]:
    """Go's [2]uint (height, width): what is missing is 0, what is too much is dropped."""
    numbers: tuple[int, ...] = (*_integers(value, where), 0, 0)[:2]
    if any(number < 0 for number in numbers):
        raise InvalidArgument(f"{where}: numbers of 0 or more are needed")
    return numbers


@cache
def _class_decoder(kind: Any) -> Decoder:
    members = {
        _json_name(each): (each.name, each.metadata.get("decoder") or _decoder(hint)) for each, hint in _members(kind)
    }
    by_lower_case = {name.lower(): name for name in members}

    def decode_object(document: Any, where: str) -> Any:
        if not isinstance(document, dict):
            raise InvalidArgument(f"{where}: an object is needed, not {_kind_name(document)}")
        values = {}
        for key, value in document.items():
            name = key if key in members else by_lower_case.get(key.lower())
            if name is not None and value is not None:
                attribute, decode_member = members[name]
                values[attribute] = decode_member(value, f"{where}.{name}")
        return kind(**values)

    return decode_object


@cache
def _class_encoder(kind: Any) -> Encoder:
    members = [
        (_json_name(each), each.name, _encoder(hint), bool(each.metadata.get("omit_empty")), _is_pointer(hint))
        for each, hint in _members(kind)
    ]

    def encode_object(value: Any) -> dict[str, Any]:
        document = {}
        for name, attribute, encode_member, omit_empty, is_pointer in members:
            content = getattr(value, attribute)
            if omit_empty and (content is None or (not is_pointer and not content)):
                continue
            document[name] = None if content is None else encode_member(content)
        return document

    return encode_object


def _members(kind: type[Any]) -> list[tuple[Any, Any]]:
    hints = get_type_hints(kind)
    return [(each, hints[each.name]) for each in fields(kind)]


def _json_name(each: Any) -> str:
    return each.metadata.get("json") or "".join(part[:1].upper() + part[1:] for part in each.name.split("_"))


def _without_none(hint: Any) -> Any:
    if get_origin(hint) in (Union, UnionType):
        (hint,) = (argument for argument in get_args(hint) if argument is not NoneType)
    return hint


def _is_pointer(hint: Any) -> bool:
    """Whether Go has a pointer here, whose zero is not empty: `int | None`, but not `tuple | None` (a slice)."""
    bare = _without_none(hint)
    return (bare is not hint and bare in _PLAIN) or is_dataclass(bare)


def _decoder(hint: Any) -> Decoder:
    hint = _without_none(hint)
    if hint in _PLAIN:
        return _PLAIN[hint]
    if is_dataclass(hint) and isinstance(hint, type):
        return lambda value, where: _class_decoder(hint)(value, where)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is tuple:
        return _tuple_decoder(_element_decoder(arguments[0]))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _mapping_decoder(
            _element_decoder(arguments[1]), values_may_be_null=_without_none(arguments[1]) != arguments[1]
        )
    raise TypeError(f"no decoder for {hint!r}")


def _element_decoder(hint: Any) -> Decoder:
    """Of an element of a list or map: null is Go's zero of a string, a number or a boolean; an object must be one."""
    decode_one, bare = _decoder(hint), _without_none(hint)
    if bare not in _ZERO:
        return decode_one
    return lambda value, where: _ZERO[bare] if value is None else decode_one(value, where)


def _encoder(hint: Any) -> Encoder:
    hint = _without_none(hint)
    if is_dataclass(hint) and isinstance(hint, type):
        return lambda value: _class_encoder(hint)(value)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is tuple:
        each = _encoder(arguments[0])
        return lambda values: [each(value) for value in values]
    if isinstance(origin, type) and issubclass(origin, Mapping):
        one = _encoder(arguments[1])
        return lambda values: {key: None if value is None else one(value) for key, value in values.items()}
    return lambda value: value


def _tuple_decoder(decode_one: Decoder) -> Decoder:
    def decode_tuple(value: Any, where: str) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise InvalidArgument(f"{where}: a list is needed, not {_kind_name(value)}")
        return tuple(decode_one(one, f"{where}[{index}]") for index, one in enumerate(value))

    return decode_tuple


def _mapping_decoder(decode_one: Decoder, *, values_may_be_null: bool) -> Decoder:
    def decode_mapping(value: Any, where: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise InvalidArgument(f"{where}: an object is needed, not {_kind_name(value)}")
        return {
            key: None if one is None and values_may_be_null else decode_one(one, f"{where}[{key!r}]")
            for key, one in value.items()
        }

    return decode_mapping


def _string(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise InvalidArgument(f"{where}: a string is needed, not {_kind_name(value)}")
    return value


def _integer(value: Any, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not -(1 << 63) <= value < 1 << 63:
        raise InvalidArgument(f"{where}: a whole number of 64 bits is needed, not {_kind_name(value)}")
    return value


def _boolean(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise InvalidArgument(f"{where}: true or false is needed, not {_kind_name(value)}")
    return value


def _empty_object(value: Any, where: str) -> EmptyObject:
    """Go's struct{}: whatever is inside is dropped; null stands for it too."""
    if value is not None and not isinstance(value, dict):
        raise InvalidArgument(f"{where}: an empty object is needed, not {_kind_name(value)}")
    return {}


def _kind_name(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", int: "a number", float: "a number"}
    return names.get(type(value), "null")


_ZERO: dict[Any, Any] = {str: "", int: 0, bool: False}
_PLAIN: dict[Any, Decoder] = {str: _string, int: _integer, bool: _boolean, EmptyObject: _empty_object}
_strings = _tuple_decoder(_element_decoder(str))
_integers = _tuple_decoder(_element_decoder(int))
