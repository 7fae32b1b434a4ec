"""The json-file format, byte for byte as Docker writes it: {"log":"hello\\n","stream":"stdout","time":"..."}. Pure."""

import re
from typing import Final

import orjson

from slipway.base.errors import InvalidArgument
from slipway.base.timestamp_parsing import nanoseconds_from_rfc3339
from slipway.base.timestamps import rfc3339_from_nanoseconds
from slipway.dockerd.logs.model import Entry

# Source: moby, daemon/logger/jsonfilelog/jsonlog. An invalid byte (a lone surrogate here) becomes the text \ufffd.
_ESCAPES: Final = {
    **{code: f"\\u{code:04x}" for code in (*range(0x20), ord("<"), ord(">"), ord("&"), 0x2028, 0x2029)},
    **dict.fromkeys(range(0xDC80, 0xDD00), "\\ufffd"),
    ord("\n"): "\\n",
    ord("\r"): "\\r",
    ord('"'): '\\"',
    ord("\\"): "\\\\",
}
_NEEDS_ESCAPE: Final = re.compile('[\x00-\x1f"\\\\<>&\u2028\u2029\udc80-\udcff]')


def json_line_from_entry(entry: Entry, attributes: bytes = b"") -> bytes:
    """One line of the file, with its newline. `attributes` is a JSON object, or empty."""
    text = entry.line.decode("utf-8", "surrogateescape")
    tail = ""
    if text.endswith("\n"):
        text, tail = text[:-1], "\\n"
    if _NEEDS_ESCAPE.search(text):
        text = text.translate(_ESCAPES)
    extra = f',"attrs":{attributes.decode()}' if attributes else ""
    time = rfc3339_from_nanoseconds(entry.time)
    return f'{{"log":"{text}{tail}","stream":"{entry.stream}"{extra},"time":"{time}"}}\n'.encode()


def entry_from_json_line(line: bytes) -> tuple[Entry, dict[str, str]]:
    """The entry of one line of the file, and its attributes. Raises InvalidArgument for a broken line."""
    try:
        document = orjson.loads(line)
        entry = Entry(
            nanoseconds_from_rfc3339(document["time"]), document["stream"], document.get("log", "").encode("utf-8")
        )
        return entry, document.get("attrs") or {}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidArgument("malformed log line") from error


def time_of_json_line(line: bytes) -> int:
    """Only the time of a line; raises InvalidArgument."""
    return entry_from_json_line(line)[0].time
