"""Which repositories of a registry are known to have a blob, from labels on content: a push mounts from there.

`containerd.io/distribution.source.HOST` (without its port, as the original spells it) holds paths, sorted and between
commas. The labels are the store's own: what an image says of itself in annotations is not asked.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from slipway.base.errors import InvalidArgument, NotFound
from slipway.base.references import Reference, parse_reference
from slipway.containerd.content.interface import ContentStore
from slipway.containerd.metadata.model import Scope

_LABEL: Final = "containerd.io/distribution.source."


def source_label(domain: str) -> str:
    """Of `registry.example:5000` and of `[::1]:5000`: the label's key names the host alone."""
    host = domain[1:].partition("]")[0] if domain.startswith("[") else domain.partition(":")[0]
    return f"{_LABEL}{host}"


def with_repository(paths: str, path: str) -> str:
    """The label's value with one repository more."""
    return ",".join(sorted({*filter(None, paths.split(",")), path}))


def mount_candidate(paths: str, path: str) -> str:
    """The repository to mount from: that with most leading parts in common with `path`, the last of several; or ""."""
    best, most = "", 0
    for candidate in paths.split(","):
        if candidate == path or not _is_repository(candidate):
            continue
        shared = _shared_parts(candidate, path)
        if shared >= most:
            best, most = candidate, shared
    return best


def sources_of(labels: Mapping[str, str], reference: Reference) -> str:
    """The label's value for the reference's registry; "" for none."""
    return labels.get(source_label(reference.domain), "")


def all_sources(labels: Mapping[str, str]) -> dict[str, str]:
    """What is known of every registry, as labels."""
    return {key: value for key, value in labels.items() if key.startswith(_LABEL)}


def add_source(content: ContentStore, scope: Scope, digest: str, reference: Reference) -> None:
    """Remember that the reference's repository has the blob. A blob that is gone, and a label that is full, stay so."""
    key = source_label(reference.domain)
    with suppress(NotFound, InvalidArgument):
        known = content.info(scope, digest).labels.get(key, "")
        now = with_repository(known, reference.path)
        if now != known:
            content.update(scope, digest, {key: now}, [f"labels.{key}"])


def _is_repository(path: str) -> bool:
    try:
        return parse_reference(f"registry.invalid/{path}") == Reference("registry.invalid", path)
    except InvalidArgument:
        return False


def _shared_parts(one: str, other: str) -> int:
    count = 0
    for mine, yours in zip(one.split("/"), other.split("/"), strict=False):
        if mine != yours:
            break
        count += 1
    return count
