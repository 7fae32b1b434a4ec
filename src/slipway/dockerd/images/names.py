"""Image names as containerd keeps them, out of what users write (grammar: base/references.py). Pure."""

from typing import Final

from slipway.base.digests import is_digest
from slipway.base.errors import InvalidArgument
from slipway.base.references import DEFAULT_TAG, parse_reference

DANGLING_PREFIX: Final = "moby-dangling"  # as the original: the name of an image that has none is PREFIX@DIGEST


def complete_name(text: str, *, tag: str = "") -> str:
    """`nginx` → docker.io/library/nginx:latest; a digest stays. `tag` (or a digest) replaces what `text` says.

    Raises InvalidArgument: "invalid reference format", "invalid tag format".
    """
    reference = parse_reference(text)
    if is_digest(tag):
        return reference.with_digest(tag).complete
    if tag:
        return reference.with_tag(tag).complete
    return reference.complete if reference.tag or reference.digest else reference.with_tag(DEFAULT_TAG).complete


def familiar_name(complete: str) -> str:
    """docker.io/library/nginx:latest → nginx:latest. What is no reference (containerd takes any name) stays."""
    try:
        return parse_reference(complete).familiar
    except InvalidArgument:
        return complete


def split_tag(name: str) -> tuple[str, str]:
    """(repository, tag or digest) of a name; a tag is empty where there is none."""
    if "@" in name:
        repository, _, digest = name.partition("@")
        return _without_tag(repository), digest
    repository = _without_tag(name)
    return repository, name[len(repository) + 1 :]


def dangling_name(digest: str) -> str:
    """The name of an image that has none."""
    return f"{DANGLING_PREFIX}@{digest}"


def is_dangling(complete: str) -> bool:
    return complete.startswith(f"{DANGLING_PREFIX}@")


def _without_tag(name: str) -> str:
    head, slash, last = name.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}"
