"""The labels that an image's own configuration carries: data of whoever built the image, and never orders to us.

Who copies them reads the documents with Go, which takes names of any case and merges what comes twice. So nothing here
is decoded as we understand it: everything that any reader could take for a label is one, and in doubt there is no
answer.
"""

import json
from collections.abc import Iterator
from typing import Any, Final

from slipway.base.errors import EngineError, NotFound
from slipway.containerd.content.interface import ContentStore
from slipway.containerd.images.interface import ImageStore
from slipway.containerd.metadata.model import Scope
from slipway.contracts.oci.image import DOCUMENT_LIMIT

_DEPTH: Final = 8  # indexes, manifests and configurations below each other; transfers follow fewer
_MOST: Final = 256  # documents read for one image


class ImageConfigLabels:
    def __init__(self, images: ImageStore, content: ContentStore) -> None:
        self._images = images
        self._content = content

    def of(self, scope: Scope, name: str) -> frozenset[tuple[str, str]] | None:
        """Key and value of every label in the configurations of the image `name`, of all its platforms.

        None where we cannot tell: there is no such image, or it has too many documents, or one that is not read whole.
        What is not there has given nobody labels. Blocks on files.
        """
        try:
            level = {self._images.get(scope, name).target.digest}
            seen: set[str] = set()
            labels: set[tuple[str, str]] = set()
            for _ in range(_DEPTH):
                level -= seen
                if not level:
                    return frozenset(labels)
                seen |= level
                documents = [*self._read(scope, level)]
                labels.update(pair for document in documents for pair in _labels(document))
                level = {digest for document in documents for digest in _digests(document)}
        except (EngineError, _CannotTell):
            return None
        return None

    def _read(self, scope: Scope, digests: set[str]) -> "Iterator[Any]":
        left = _MOST
        for digest in digests:
            try:
                data = self._content.read(scope, digest, limit=DOCUMENT_LIMIT)
            except NotFound:
                continue
            left -= 1
            if not left:
                raise _CannotTell
            yield _decoded(data)


class _CannotTell(Exception):
    """Go's reader and ours could differ."""


class _Pairs(list[tuple[str, Any]]):
    """A JSON object with all that it says, also twice."""


def _decoded(data: bytes) -> Any:
    """The document; None for what is no JSON to anybody."""
    try:
        text = data.decode()
        return json.loads(
            text, object_pairs_hook=_Pairs, parse_int=_no_number, parse_float=_no_number, strict=False
        )  # fmt: skip
    except (UnicodeDecodeError, RecursionError) as error:
        raise _CannotTell from error
    except ValueError:
        return None


def _no_number(_: str) -> None:
    """Numbers of any length are passed over."""


def _objects(value: Any) -> Iterator[_Pairs]:
    """Every object in a document. Layers name blobs, not documents."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, _Pairs):
            yield each
            waiting += [below for name, below in each if name.casefold() != "layers"]
        elif isinstance(each, list):
            waiting += each


def _digests(document: Any) -> Iterator[str]:
    for each in _objects(document):
        yield from (value for name, value in each if name.casefold() == "digest" and isinstance(value, str))


def _labels(document: Any) -> Iterator[tuple[str, str]]:
    for each in _objects(document):
        for name, labels in each:
            if name.casefold() == "labels" and isinstance(labels, _Pairs):
                yield from (_checked(key, value) for key, value in labels if isinstance(value, str))


def _checked(key: str, value: str) -> tuple[str, str]:
    """Half of a surrogate pair is itself to us, and U+FFFD to Go."""
    if any("\ud800" <= character <= "\udfff" for character in key + value):
        raise _CannotTell
    return key, value
