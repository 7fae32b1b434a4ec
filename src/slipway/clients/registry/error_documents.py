"""What a registry says when it refuses: `{"errors": [{"code": ..., "message": ..., "detail": ...}]}`, as one sentence.

Source: distribution specification, "Error Codes". Pure.
"""

import json
from typing import Any, Final

_LONGEST: Final = 300  # characters that are shown, whatever the registry sends
_ERRORS_LIMIT: Final = 8


def words_of_errors(data: bytes) -> str:
    """`denied: requested access to the resource is denied`; what is no error document, as it is."""
    text = data.decode("utf-8", "replace")
    sentences = [_sentence(error) for error in _errors(text)[:_ERRORS_LIMIT]]
    words = "; ".join(filter(None, sentences)) or text
    return " ".join("".join(each if each.isprintable() else " " for each in words).split())[:_LONGEST]


def _errors(text: str) -> list[Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return []
    errors = document.get("errors") if isinstance(document, dict) else None
    return errors if isinstance(errors, list) else []


def _sentence(error: Any) -> str:
    if not isinstance(error, dict):
        return ""
    code, message, detail = (error.get(name) for name in ("code", "message", "detail"))
    parts = [code.lower().replace("_", " ")] if isinstance(code, str) else []
    parts += [message] if isinstance(message, str) and message else []
    parts += [_detail(detail)]
    return ": ".join(filter(None, dict.fromkeys(parts)))


def _detail(detail: Any) -> str:
    """Only what says more than the message: a sentence, or the digest or name that was refused."""
    if isinstance(detail, str):
        return detail
    if isinstance(detail, dict):
        return ", ".join(f"{name} {value}" for name, value in detail.items() if isinstance(value, str | int) and value)
    return ""
