"""Query parameters and JSON bodies, read with suspicion: whatever is malformed is InvalidArgument with a sentence."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

import orjson

from slipway.base.errors import InvalidArgument
from slipway.base.identifiers import integer_from_text
from slipway.base.timestamp_parsing import nanoseconds_from_rfc3339
from slipway.contracts.engine_api.filters import Filters, filters_from_document

BODY_LIMIT: Final = 4 * 1024 * 1024
FALSE_WORDS: Final = frozenset(("", "0", "no", "false", "none"))  # as the original: everything else is true
FIELDS_LIMIT: Final = 1000


class Query:
    """The parameters of one request; of a repeated one the first counts."""

    def __init__(self, text: str) -> None:
        try:
            pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=FIELDS_LIMIT)
        except (ValueError, UnicodeDecodeError) as error:
            raise InvalidArgument("malformed query") from error
        self._pairs = pairs

    def text(self, name: str, default: str = "") -> str:
        return next((value for key, value in self._pairs if key == name), default)

    def texts(self, name: str) -> list[str]:
        return [value for key, value in self._pairs if key == name]

    def has(self, name: str) -> bool:
        return any(key == name for key, _ in self._pairs)

    def boolean(self, name: str, default: bool = False) -> bool:
        if not self.has(name):
            return default
        return self.text(name).strip().lower() not in FALSE_WORDS

    def integer(self, name: str, *, low: int, high: int, default: int | None = None) -> int | None:
        text = self.text(name)
        return integer_from_text(text, name, low=low, high=high) if text else default

    def time(self, name: str) -> int:
        """Seconds since the epoch with a fraction, or RFC 3339, in nanoseconds; 0 when absent."""
        return nanoseconds_from_text(self.text(name), name)

    def filters(self) -> Filters:
        """None when absent or empty. Raises InvalidArgument."""
        text = self.text("filters")
        if not text:
            return Filters()
        try:
            document = orjson.loads(text.encode("utf-8", "surrogatepass"))
        except orjson.JSONDecodeError as error:
            raise InvalidArgument("invalid filter") from error
        return filters_from_document(document)


def nanoseconds_from_text(text: str, what: str) -> int:
    """`1700000000.5` or `2023-11-14T22:13:20Z`; empty and "0" are 0. Raises InvalidArgument."""
    if not text:
        return 0
    if "T" in text:
        return nanoseconds_from_rfc3339(text)
    seconds, _, fraction = text.partition(".")
    whole = integer_from_text(seconds, what, low=-(1 << 33), high=1 << 33)
    part = integer_from_text(fraction[:9].ljust(9, "0"), what) if fraction else 0
    return whole * 1_000_000_000 + part


def json_from_bytes(data: bytes, what: str) -> Any:
    """Parsed JSON. Raises InvalidArgument."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise InvalidArgument(f"invalid JSON in {what}: {error}") from error


def check_json_type(headers: Mapping[str, str]) -> None:
    """A body must say that it is JSON. Raises InvalidArgument."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise InvalidArgument(f"unsupported Content-Type header ({kind}): must be 'application/json'")
