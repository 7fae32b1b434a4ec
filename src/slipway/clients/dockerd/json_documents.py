"""Engine API documents as JSON text and back. They stay dictionaries here: docs/decisions/client-documents.md says
why.
"""

from slipway.base.json_text import dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def parse_json(data: bytes, what: str = "response of the daemon") -> "Any":
    """The one document in `data`; raises InvalidArgument naming `what`."""
    return loads(data, what)


def format_json_text(document: "Any", *, sort_keys: bool = False) -> str:
    """Compact JSON, characters as they are, but for the two that Go escapes always; `sort_keys` as Go does for maps."""
    text = dumps(document, sort_keys=sort_keys)
    if "\u2028" in text or "\u2029" in text:
        text = text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return text


def format_json(document: object) -> bytes:
    """Compact JSON for the wire."""
    return format_json_text(document).encode("utf-8", "surrogateescape")
