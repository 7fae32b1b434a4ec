"""Under which names images are stored. Pure decisions; the semantics are those of containerd's transfer image store."""

from collections.abc import Mapping

from slipway.containerd.transfer.model import ExtraReference, ImageStore

NAME_ANNOTATION = "io.containerd.image.name"
REF_ANNOTATION = "org.opencontainers.image.ref.name"


def names_for_target(destination: ImageStore, digest: str) -> list[str]:
    """The names of what a transfer as a whole brings: the destination's own, and its complete extra ones."""
    names = [destination.name] if destination.name else []
    for reference in destination.extra_references:
        if not reference.is_prefix:
            names.append(f"{reference.name}@{digest}" if reference.add_digest else reference.name)
    return names


def names_for_member(destination: ImageStore, digest: str, annotations: Mapping[str, str]) -> list[str]:
    """The names of one image of an archive: by its annotations, and by the prefixes that the destination has."""
    names: list[str] = []
    for prefix in destination.extra_references:
        if not prefix.is_prefix:
            continue
        name = _annotated_name(prefix, annotations)
        if name:
            names.append(name)
        if prefix.add_digest and not (name and prefix.skip_named_digest):
            names.append(f"{prefix.name}@{digest}")
    return list(dict.fromkeys(names))


def _annotated_name(prefix: ExtraReference, annotations: Mapping[str, str]) -> str:
    """A name in full must be as it is; a tag alone belongs to the prefix. What a terminal would obey is no name."""
    if not all(annotations.get(key, "").isprintable() for key in (NAME_ANNOTATION, REF_ANNOTATION)):
        return ""
    if name := annotations.get(NAME_ANNOTATION, ""):
        return name if _below(prefix, name) == name else ""
    return _below(prefix, annotations.get(REF_ANNOTATION, ""))


def _below(prefix: ExtraReference, name: str) -> str:
    """The name that the prefix allows; only one that may be overwritten allows names of other repositories."""
    if not name or not prefix.name:
        return ""
    if not any(mark in name for mark in "/:@"):
        return f"{prefix.name}:{name}"
    if prefix.allow_overwrite:
        return name
    rest = name.removeprefix(prefix.name)
    return name if rest != name and rest[:1] in ("", "/", ":", "@") else ""
