"""The `filters` of lists, prunes and events: which values each filter has, and what matches them. Pure.

Both spellings of old and new clients are read: `{"label":["a=b"]}` and `{"label":{"a=b":true}}`. As with the original a
filter without values takes everything, and several values are alternatives, except for labels: they must all hold.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from slipway.base.errors import InvalidArgument
from slipway.base.regular_expressions import regular_expression
from slipway.contracts.engine_api.moments import moment_from_text

_TRUE: Final = frozenset(("1", "t", "T", "TRUE", "true", "True"))  # Go's strconv.ParseBool
_FALSE: Final = frozenset(("0", "f", "F", "FALSE", "false", "False"))


class Filters:
    """The filters of one request. Unchangeable."""

    def __init__(self, values: Mapping[str, Mapping[str, bool]] | None = None) -> None:
        """A value may be there and yet be false: such a one is asked for, but equals nothing."""
        self._values = dict(values or {})

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        """The names."""
        return iter(self._values)

    def __bool__(self) -> bool:
        return bool(self._values)

    def values(self, name: str) -> list[str]:
        """In the order in which they came."""
        return list(self._values.get(name, ()))

    def adding(self, name: str, value: str) -> "Filters":
        """The same with a further value."""
        return Filters({**self._values, name: {**self._values.get(name, {}), value: True}})

    def without(self, name: str) -> "Filters":
        """The same as if `name` had not been given."""
        return Filters({known: values for known, values in self._values.items() if known != name})

    def check_names(self, accepted: Collection[str]) -> None:
        """Raises InvalidArgument for a filter that is none of `accepted`."""
        for name in self._values:
            if name not in accepted:
                raise InvalidArgument(f"invalid filter '{name}'")

    def boolean(self, name: str, default: bool = False) -> bool:
        """1, true, 0 or false, and not both; `default` where it is not given. Raises InvalidArgument."""
        if name not in self._values:
            return default
        given = self._values[name]
        if not given:
            raise InvalidArgument(f"invalid filter '{name}'")
        is_true = given.get("1", False) or given.get("true", False)
        is_false = given.get("0", False) or given.get("false", False)
        if is_true == is_false:
            raise InvalidArgument(f"invalid filter '{name}=[{' '.join(given)}]'")
        return is_true

    def single_boolean(self, name: str, default: bool = False) -> bool:
        """One value only, as Go's strconv.ParseBool reads it. Raises InvalidArgument."""
        values = self.values(name)
        if len(values) > 1:
            raise InvalidArgument(f"invalid filter '{name}=[{' '.join(values)}]': only one value is expected")
        if not values:
            return default
        if values[0] not in _TRUE | _FALSE:
            raise InvalidArgument(
                f"invalid filter '{name}': strconv.ParseBool: parsing \"{values[0]}\": invalid syntax"
            )
        return values[0] in _TRUE

    def equals(self, name: str, text: str) -> bool:
        """Whether `text` is one of the values, or there is none."""
        values = self._values.get(name)
        return not values or values.get(text, False)

    def matches(self, name: str, text: str) -> bool:
        """Whether `text` is one of the values, or one is a regular expression that is somewhere in it.

        What is no regular expression matches nothing.
        """
        if self.equals(name, text):
            return True
        patterns = (regular_expression(value) for value in self._values[name])
        return any(pattern is not None and pattern.is_in(text) for pattern in patterns)

    def begins(self, name: str, text: str) -> bool:
        """Whether `text` is one of the values, or begins with one."""
        return self.equals(name, text) or text.startswith(tuple(self._values[name]))

    def has_labels(self, labels: Mapping[str, str] | None, name: str = "label") -> bool:
        """Whether every `KEY` or `KEY=VALUE` holds."""
        for text in self.values(name):
            key, separator, value = text.partition("=")
            if key not in (labels or {}) or (separator and (labels or {})[key] != value):
                return False
        return True

    def passes_labels(self, labels: Mapping[str, str] | None) -> bool:
        """`label`, and not all of `label!`: what prunes ask."""
        if "label!" in self and self.has_labels(labels, "label!"):
            return False
        return self.has_labels(labels)

    def until(self, *, now: int, offset: int) -> int | None:
        """The one moment of `until`, in nanoseconds; None where it is not given. Raises InvalidArgument."""
        values = self.values("until")
        if len(values) > 1:
            raise InvalidArgument("more than one until filter specified")
        if not values:
            if "until" in self:
                raise InvalidArgument("invalid filter 'until'")
            return None
        return moment_from_text(values[0], now=now, offset=offset)


def filters_from_document(document: Any) -> Filters:
    """Out of the JSON of the parameter `filters`; null is none. Raises InvalidArgument."""
    if document is None:
        return Filters()
    if isinstance(document, dict):
        read = [_set_of(values) for values in document.values()]
        if None in read:  # one spelling for all
            read = [_list_of(values) for values in document.values()]
        if None not in read:
            return Filters({name: values or {} for name, values in zip(document, read, strict=True)})
    raise InvalidArgument("invalid filter")


def _set_of(values: Any) -> dict[str, bool] | None:
    """{"value": true}; as Go, null is false."""
    if values is None:
        return {}
    if not isinstance(values, dict) or not all(flag is None or isinstance(flag, bool) for flag in values.values()):
        return None
    return {value: bool(flag) for value, flag in values.items()}


def _list_of(values: Any) -> dict[str, bool] | None:
    """["value"]; as Go, null is empty."""
    if values is None:
        return {}
    if not isinstance(values, list) or not all(value is None or isinstance(value, str) for value in values):
        return None
    return {value or "": True for value in values}
