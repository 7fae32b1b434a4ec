"""What containerd's clients read in its refusals: names in quotes, and what is wrong with them. Pure."""

import json
import re
from typing import Final

from slipway.base import digests, identifiers
from slipway.base.errors import InvalidArgument

# OCI image specification, "Digests".
_ALGORITHM: Final = re.compile(r"[a-z0-9]+(?:[.+_-][a-z0-9]+)*", re.ASCII)
_ENCODED: Final = re.compile(r"[a-zA-Z0-9=_-]+", re.ASCII)
_LONGEST: Final = 76
_PATTERN: Final = "^[A-Za-z0-9]+(?:[._-](?:[A-Za-z0-9]+))*$"


def quoted(text: str) -> str:
    """Between double quotes, with backslashes before what needs them."""
    return json.dumps(text, ensure_ascii=False)


def check_identifier(text: str, before: str = "") -> str:
    """`text`, by the rule of base.identifiers. Raises InvalidArgument, its sentence behind `before`."""
    try:
        return identifiers.check_identifier(text)
    except InvalidArgument:
        raise InvalidArgument(f"{before}{_fault(text)}: invalid argument") from None


def digest_fault(text: str) -> str:
    """What is wrong with a digest; empty for one of an algorithm that we know.

    Source: https://pkg.go.dev/github.com/opencontainers/go-digest, whose sentences these are.
    """
    if digests.is_digest(text):
        return ""
    algorithm, _, digits = text.partition(":")
    length = digests.LENGTHS.get(algorithm)
    if length and digits and len(digits) != length:
        return "invalid checksum digest length"
    if not length and _ALGORITHM.fullmatch(algorithm) and _ENCODED.fullmatch(digits):
        return "unsupported digest algorithm"
    return "invalid checksum digest format"


def _fault(text: str) -> str:
    if not text:
        return "identifier must not be empty"
    if len(text.encode("utf-8", "surrogateescape")) > _LONGEST:
        return f"identifier {quoted(text)} greater than maximum length ({_LONGEST} characters)"
    return f"identifier {quoted(text)} must match {_PATTERN}"
