"""What may be asked of a container's row, and what an update makes of it. Pure."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from slipway.base.errors import InvalidArgument
from slipway.containerd.containers.model import Container, TypedValue
from slipway.contracts.containerd_api.labels import check_labels, is_reserved, labels_after_update
from slipway.contracts.containerd_api.words import check_identifier, quoted


def check_container(container: Container, doing: str) -> None:
    """Raises InvalidArgument for what cannot be stored, with `doing` before the sentence."""
    check_identifier(container.id, f"{doing} failed validation: container.ID: ")
    if "" in container.extensions:
        raise _invalid(doing, "container.Extension keys must not be zero-length")
    check_labels(container.labels, f"{doing} failed validation: containers.Labels")
    if not container.runtime_name:
        raise _invalid(doing, "container.Runtime.Name must be set")
    if container.snapshot_key and not container.snapshotter:
        raise _invalid(doing, "container.Snapshotter must be set if container.SnapshotKey is set")


def _invalid(doing: str, what: str) -> InvalidArgument:
    return InvalidArgument(f"{doing} failed validation: {what}: invalid argument")


def container_after_update(current: Container, given: Container, fields: Iterable[str]) -> Container:
    """The container after an update with a field mask; without a mask everything that may change does.

    Runtime and snapshotter never change. Raises InvalidArgument for them and for unknown fields.
    """
    masks = tuple(fields)
    if not masks:
        _check_unchanged(current, given)
        masks = ("labels", "spec", "extensions", "image", "snapshotkey")
    labels = [mask for mask in masks if mask == "labels" or mask.startswith("labels.")]
    changed = current
    if labels:
        changed = replace(changed, labels=labels_after_update(current.labels, given.labels, labels))
    for mask in masks:
        if mask not in labels:
            changed = _with_field(changed, given, mask)
    return changed


def has_reserved_labels(container: Container) -> bool:
    return any(map(is_reserved, container.labels))


def without_labels_of_image(container: Container, of_image: Collection[tuple[str, str]] | None) -> Container:
    """The container without the reserved labels that its image's configuration has, key and value; without any where
    that is not known (None).

    Older clients copy all of an image's labels (CVE-2026-53488); one with another value is the client's own.
    """
    kept = {
        key: value
        for key, value in container.labels.items()
        if not is_reserved(key) or (of_image is not None and (key, value) not in of_image)
    }
    return replace(container, labels=kept)


def _with_field(current: Container, given: Container, mask: str) -> Container:
    match mask:
        case "spec":
            return replace(current, spec=given.spec)
        case "image":
            return replace(current, image=given.image)
        case "snapshotkey":
            return replace(current, snapshot_key=given.snapshot_key)
        case "extensions":
            return replace(current, extensions=given.extensions)
    if mask.startswith("extensions."):
        name = mask.removeprefix("extensions.")
        return replace(current, extensions=_with_extension(current.extensions, given.extensions, name))
    raise InvalidArgument(f"cannot update {quoted(mask)} field on {quoted(current.id)}: invalid argument")


def _with_extension(
    current: Mapping[str, TypedValue], given: Mapping[str, TypedValue], name: str
) -> dict[str, TypedValue]:
    changed = {key: value for key, value in current.items() if key != name}
    if name in given:
        changed[name] = given[name]
    return changed


def _check_unchanged(current: Container, given: Container) -> None:
    if given.snapshotter != current.snapshotter:
        raise InvalidArgument("container.Snapshotter field is immutable: invalid argument")
    if given.runtime_name != current.runtime_name:
        raise InvalidArgument("container.Runtime.Name field is immutable: invalid argument")
