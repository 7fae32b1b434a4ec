"""What an OCI runtime wrote into the file that its --log names. Pure."""

from __future__ import annotations

from slipway.base import json_text
from slipway.base.errors import InvalidArgument


def last_error(log: str) -> str:
    """The last message of level error, or "".

    One entry may stand on one line (runc) or on several (crun 1.28). A line that begins none is passed over.
    """
    words = ""
    at = 0
    while at < len(log):
        try:
            entry, at = json_text.scan(log, at, "log entry")
        except InvalidArgument:
            at = log.find("\n", at) + 1 or len(log)
            continue
        if isinstance(entry, dict) and entry.get("level") == "error" and isinstance(entry.get("msg"), str):
            words = str(entry["msg"]).strip()
    return words
