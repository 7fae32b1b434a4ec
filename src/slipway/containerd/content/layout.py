"""Where blobs and ingests lie below the content store's folder, as in the original. Pure.

blobs/sha256/HEX        one file per blob, read-only
ingest/HASH/data        bytes so far; HASH is made of namespace and ref
ingest/HASH/ref         NAMESPACE/REF, so that a listing finds the names again
ingest/HASH/startedat   nanoseconds since the epoch
ingest/HASH/total       bytes promised, 0 where not known
ingest/HASH/expected    the digest promised, empty where not known
"""

import hashlib
from typing import Final

from slipway.base.errors import InvalidArgument

# Registered algorithms of OCI and the length of their hexadecimal digests.
_HEX_LENGTHS: Final = {"sha256": 64, "sha384": 96, "sha512": 128}
_HEXADECIMAL: Final = frozenset("0123456789abcdef")


def split_digest(digest: str) -> tuple[str, str]:
    """Algorithm and hexadecimal digits. Raises InvalidArgument: nothing else may become part of a path."""
    algorithm, _, digits = digest.partition(":")
    if _HEX_LENGTHS.get(algorithm) != len(digits) or not _HEXADECIMAL.issuperset(digits):
        raise InvalidArgument(f"digest {digest[:200]!r} is malformed")
    return algorithm, digits


def blob_path(root: str, digest: str) -> str:
    algorithm, digits = split_digest(digest)
    return f"{root}/blobs/{algorithm}/{digits}"


def ingest_path(root: str, namespace: str, ref: str) -> str:
    """Raises InvalidArgument for an empty ref; any other text is a ref."""
    if not ref:
        raise InvalidArgument("ref must not be empty")
    return f"{root}/ingest/{hashlib.sha256(f'{namespace}/{ref}'.encode()).hexdigest()}"
