"""Which images `docker images --filter` shows. Pure."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from slipway.dockerd.images.describe import created_nanoseconds, repo_tags
from slipway.dockerd.images.model import NamedImage
from slipway.dockerd.images.names import familiar_name, split_tag


def is_selected(
    image: NamedImage, filters: Mapping[str, Sequence[str]], *, before: int | None, since: Sequence[int]
) -> bool:
    """`before` and `since` are the creation times of the images that the filters of these names mean."""
    tags = repo_tags(image)
    created = created_nanoseconds(image.content)
    if (dangling := filters.get("dangling")) and (dangling[0].lower() in ("1", "true")) == bool(tags):
        return False
    if before is not None and created >= before:
        return False
    if since and created <= max(since):
        return False
    if (labels := filters.get("label")) and not _has_labels(image, labels):
        return False
    return not filters.get("reference") or bool(shown_names(image, filters))


def shown_names(image: NamedImage, filters: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """With a filter for references, an image shows only its names that match."""
    patterns = filters.get("reference")
    if not patterns:
        return image.names
    return tuple(name for name in image.names if any(_matches(familiar_name(name), pattern) for pattern in patterns))


def _has_labels(image: NamedImage, wanted: Sequence[str]) -> bool:
    labels = image.content.config.labels or {}
    pairs = [text.partition("=") for text in wanted]
    return all(key in labels and (not separator or labels[key] == value) for key, separator, value in pairs)


def _matches(tag: str, pattern: str) -> bool:
    return fnmatchcase(tag, pattern) or fnmatchcase(split_tag(tag)[0], pattern)
