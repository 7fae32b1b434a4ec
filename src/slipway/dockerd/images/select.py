"""Which names of images `docker images --filter` shows and `docker image prune` may remove. Pure.

As with the original's image store a filter chooses among names, not images: an image shows those of its names that are
left, and is shown while there is one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from slipway.base.errors import InvalidArgument
from slipway.base.pattern_steps import Pattern
from slipway.contracts.engine_api.filters import Filters
from slipway.contracts.engine_api.moments import moment_from_text
from slipway.contracts.engine_api.path_patterns import path_pattern
from slipway.dockerd.images.describe import created_nanoseconds
from slipway.dockerd.images.model import NamedImage
from slipway.dockerd.images.names import familiar_name, is_dangling, split_tag

FILTERS: Final = frozenset(("before", "dangling", "label", "label!", "reference", "since", "until"))
PRUNE_FILTERS: Final = frozenset(("dangling", "label", "label!", "until"))
_LABEL_LIMIT: Final = 4096  # containerd's, of key and value together
_LABEL_SHOWN: Final = 64


@dataclass(frozen=True, kw_only=True)
class LabelCheck:
    """`value` None asks only whether the key is there. `negated`: it must not be there, or be another than `value`."""

    key: str
    value: str | None
    negated: bool

    def holds(self, labels: Mapping[str, str]) -> bool:
        """A key that is not there has no other value either, as the original sees it."""
        if self.value is None:
            return (self.key in labels) != self.negated
        return self.key in labels and (labels[self.key] == self.value) != self.negated


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Filters, understood. Times in nanoseconds: made before and after, named here before; None does not ask."""

    labels: tuple[LabelCheck, ...] = ()
    dangling: bool | None = None
    references: tuple[Pattern | None, ...] | None = None
    before: int | None = None
    since: int | None = None
    until: int | None = None


def wanted(filters: Filters, *, before: Iterable[int], since: Iterable[int], now: int, offset: int) -> Wanted:
    """`before` and `since` are when the images were made that the filters of these names mean; all of them count.

    Raises InvalidArgument.
    """
    until = [moment_from_text(text, now=now, offset=offset) for text in filters.values("until")]
    references = [path_pattern(text) for text in filters.values("reference")]
    return Wanted(
        before=min(before, default=None),
        since=max(since, default=None),
        until=min(until, default=None),
        labels=tuple(_label_check(text, name) for name in ("label", "label!") for text in filters.values(name)),
        dangling=filters.boolean("dangling") if "dangling" in filters else None,
        references=tuple(references) or None,
    )


def selected_names(image: NamedImage, asked: Wanted) -> tuple[str, ...]:
    """The names that are left; none of an image whose content does not match."""
    labels = image.content.config.labels or {}
    if not all(check.holds(labels) for check in asked.labels) or not _has_age(image, asked):
        return ()
    return tuple(name for name in image.names if _has_name(image, name, asked))


def _has_age(image: NamedImage, asked: Wanted) -> bool:
    """One that does not say when it was made is neither older nor newer than another."""
    made = created_nanoseconds(image.content)
    if asked.before is not None and not (made and made < asked.before):
        return False
    return asked.since is None or bool(made and made > asked.since)


def _has_name(image: NamedImage, name: str, asked: Wanted) -> bool:
    if asked.until is not None and image.created_at.get(name, 0) >= asked.until:
        return False
    if asked.dangling is not None and asked.dangling != is_dangling(name):
        return False
    return asked.references is None or _is_meant(familiar_name(name), asked.references)


def _is_meant(name: str, patterns: Sequence[Pattern | None]) -> bool:
    """A malformed pattern means nothing."""
    repository = split_tag(name)[0]
    return any(each is not None and (each.is_all_of(name) or each.is_all_of(repository)) for each in patterns)


def _label_check(text: str, name: str) -> LabelCheck:
    key, separator, value = text.partition("=")
    size = len(key.encode()) + len(value.encode())
    if size > _LABEL_LIMIT:
        shown = key.encode()[:_LABEL_SHOWN].decode("utf-8", "ignore")
        raise InvalidArgument(
            f"label key and value length ({size} bytes) greater than maximum size ({_LABEL_LIMIT} bytes), "
            f"key: {shown}: invalid argument"
        )
    turned = key.endswith("!")  # key!=value
    negated = name.endswith("!") != turned
    return LabelCheck(key=key[:-1] if turned else key, value=value if separator else None, negated=negated)
