"""Labels: checked, changed by a mask, and kept as text. Pure."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from slipway.base.errors import InvalidArgument
from slipway.contracts.containerd_api.words import quoted

# What bears it is collected at its time; an image with it is held by leases: containerd docs/garbage-collection.md.
EXPIRE_LABEL: Final = "containerd.io/gc.expire"
# containerd pkg/labels: key and value together.
MAX_LABEL_BYTES: Final = 4096
# containerd pkg/labels: what containerd itself, and its CRI plugin, take orders from.
_RESERVED: Final = ("containerd.io/", "io.cri-containerd")


def is_reserved(key: str) -> bool:
    """Whether containerd acts on such a label: nothing that an image says may become one."""
    return key.startswith(_RESERVED)


def check_labels(labels: Mapping[str, str], of: str = "labels") -> None:
    """Raises InvalidArgument for a label whose key and value together are longer than 4096 bytes.

    `of` is what containerd calls the field, before the sentence.
    """
    for key, value in labels.items():
        size = len(key.encode()) + len(value.encode())
        if size > MAX_LABEL_BYTES:
            raise InvalidArgument(
                f"{of}: label key and value length ({size} bytes) greater than maximum size"
                f" ({MAX_LABEL_BYTES} bytes), key: {key[:64]}: invalid argument"
            )


def labels_to_keep(labels: Mapping[str, str]) -> dict[str, str]:
    """Without those that are empty: a label without a value is none."""
    return {key: value for key, value in labels.items() if value}


def labels_after_update(
    current: Mapping[str, str], given: Mapping[str, str], fields: Iterable[str] = ()
) -> dict[str, str]:
    """The labels after an update with a field mask: `labels` (or no mask) replaces all, `labels.KEY` sets one.

    A key whose given value is empty or absent is removed. Other fields of the mask are not ours and are passed over.
    """
    masks = list(fields)
    if not masks or "labels" in masks:
        return labels_to_keep(given)
    changed = dict(current)
    for mask in masks:
        if not mask.startswith("labels."):
            continue
        key = mask.removeprefix("labels.")
        if value := given.get(key, ""):
            changed[key] = value
        else:
            changed.pop(key, None)
    return changed


def labels_after_info_update(
    current: Mapping[str, str], given: Mapping[str, str], masks: Sequence[str], of: str
) -> dict[str, str]:
    """As `labels_after_update`, of what has nothing but labels to change; `of` is what an error calls it.

    Raises InvalidArgument for another field, and for a label that is too long.
    """
    for mask in masks:
        if mask != "labels" and not mask.startswith("labels."):
            raise InvalidArgument(f"cannot update {quoted(mask)} field on {of}: invalid argument")
    changed = labels_after_update(current, given, masks)
    check_labels(changed, "info.Labels")
    return changed


def text_from_labels(labels: Mapping[str, str]) -> str:
    """Labels as one column of a row."""
    return json.dumps(dict(labels), separators=(",", ":")) if labels else "{}"


def labels_from_text(text: str) -> dict[str, str]:
    """The inverse of `text_from_labels`."""
    labels: dict[str, str] = json.loads(text)
    return labels
