"""Masks what differs from run to run (ids, times, addresses, ports), so that two engines' output can be compared."""

import re

MASKS: tuple[tuple[str, str], ...] = (
    (r"\b[0-9a-f]{64}\b", "<id64>"),
    (r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?: ?(?:Z|[+-]\d\d:?\d\d)(?: [A-Z]{3,4})?)?", "<time>"),
    (r"\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b", "<mac>"),
    (r"\b(?=[a-f]{0,11}\d)[0-9a-f]{12}\b", "<id12>"),  # one in 300 has digits only
    (r"\b172\.(?:1[6-9]|2\d|3[01])\.\d+\.\d+\b", "<ip>"),
    (r"\b(?:Less than a second|About a minute|About an hour|\d+ (?:seconds?|minutes?|hours?))\b", "<duration>"),
    (r":(?:3[23]\d{3}|[45]\d{4})\b", ":<port>"),
    (r"\bveth[0-9a-f]{7}\b", "<veth>"),
)
COMPILED = tuple((re.compile(pattern), mask) for pattern, mask in MASKS)


def mask(text: str, *names: str) -> str:
    """`text` with every changing part replaced. `names` are this run's own words: containers, folders, sockets."""
    for place, name in enumerate(sorted(filter(None, names), key=len, reverse=True)):
        text = text.replace(name, f"<name{place}>")
    for pattern, replacement in COMPILED:
        text = pattern.sub(replacement, text)
    return squeeze_columns(text)


def squeeze_columns(text: str) -> str:
    """Columns are as wide as what was masked: every run of two or more spaces becomes two."""
    return "\n".join(re.sub(r" {2,}", "  ", line).rstrip() for line in text.split("\n"))
