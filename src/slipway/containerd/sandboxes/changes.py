"""What may be asked of a sandbox's row, and what an update makes of it. Pure."""

from collections.abc import Iterable
from dataclasses import replace

from slipway.base.errors import InvalidArgument
from slipway.containerd.sandboxes.model import Sandbox
from slipway.contracts.containerd_api.labels import check_labels, labels_after_update

_EXTENSION = "extensions."


def check_sandbox(sandbox: Sandbox) -> None:
    """Raises InvalidArgument for what cannot be stored. The id was checked by its pattern before."""
    check_labels(sandbox.labels)
    if "" in sandbox.extensions:
        raise InvalidArgument("extension key must not be empty")


def sandbox_after_update(current: Sandbox, given: Sandbox, fields: Iterable[str]) -> Sandbox:
    """The sandbox after an update with a field mask; without a mask all may change but the runtime's name.

    Raises InvalidArgument for that, and for unknown fields.
    """
    masks = tuple(fields)
    if not masks:
        if given.runtime_name != current.runtime_name:
            raise InvalidArgument(f"sandbox {current.id}: the runtime's name cannot be changed")
        masks = ("labels", "extensions", "spec", "runtime")
    labels = [mask for mask in masks if mask == "labels" or mask.startswith("labels.")]
    changed = current
    if labels:
        changed = replace(changed, labels=labels_after_update(current.labels, given.labels, labels))
    for mask in masks:
        if mask not in labels:
            changed = _with_field(changed, given, mask)
    return changed


def _with_field(current: Sandbox, given: Sandbox, mask: str) -> Sandbox:
    match mask:
        case "extensions":
            return replace(current, extensions=given.extensions)
        case "spec":
            return replace(current, spec=given.spec)
        case "runtime":
            return replace(current, runtime_name=given.runtime_name, runtime_options=given.runtime_options)
    if mask.startswith(_EXTENSION):
        name = mask.removeprefix(_EXTENSION)
        changed = {key: value for key, value in current.extensions.items() if key != name}
        if name in given.extensions:
            changed[name] = given.extensions[name]
        return replace(current, extensions=changed)
    raise InvalidArgument(f"sandbox {current.id}: the field {mask!r} cannot be updated")
