"""Digests: `ALGORITHM:HEX`, checked by pattern before they become part of a path, and computed."""

import hashlib
import re
from typing import Final, Protocol

from slipway.base.errors import InvalidArgument

ALGORITHM: Final = "sha256"  # of every digest that we make
LENGTHS: Final = {"sha256": 64, "sha384": 96, "sha512": 128}
_DIGEST: Final = re.compile(r"(sha256|sha384|sha512):([0-9a-f]+)", re.ASCII)


class Hash(Protocol):
    """What this module asks of hashlib's objects."""

    def update(self, data: bytes | bytearray | memoryview, /) -> None: ...

    def hexdigest(self) -> str: ...


def is_digest(text: str) -> bool:
    """Whether `text` is a digest of an algorithm that we know, in lower case and of the right length."""
    match = _DIGEST.fullmatch(text)
    return match is not None and len(match[2]) == LENGTHS[match[1]]


def check_digest(text: str) -> str:
    """Returns `text`; raises InvalidArgument for anything that is not a digest. What passes is safe in a path."""
    if not is_digest(text):
        raise InvalidArgument(f"invalid digest {text[:160]!r}", hint="a digest is sha256: and 64 hexadecimal digits")
    return text


def split_digest(text: str) -> tuple[str, str]:
    """(algorithm, hexadecimal digits) of a digest. Raises InvalidArgument."""
    algorithm, _, digits = check_digest(text).partition(":")
    return algorithm, digits


def digest_of(data: bytes) -> str:
    """The sha256 digest of bytes in memory."""
    return f"{ALGORITHM}:{hashlib.sha256(data).hexdigest()}"


def new_hash(digest: str = "") -> Hash:
    """A running hash for the algorithm of `digest` (sha256 when empty)."""
    return hashlib.new(split_digest(digest)[0] if digest else ALGORITHM)


def chain_ids(diff_ids: tuple[str, ...]) -> tuple[str, ...]:
    """The snapshot names of a stack of layers, bottom first (OCI image specification, "Layer ChainID")."""
    chains: list[str] = []
    for diff_id in diff_ids:
        chains.append(digest_of(f"{chains[-1]} {diff_id}".encode()) if chains else diff_id)
    return tuple(chains)
