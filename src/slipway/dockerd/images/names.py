"""Image names as users write them and as containerd keeps them. Pure."""

import re
from typing import Final

from slipway.base.errors import InvalidArgument

DANGLING_PREFIX: Final = "moby-dangling"  # as the original: the name of an image that has none is PREFIX@DIGEST
_DOMAIN: Final = (
    r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*(?::[0-9]+)?"
)
_PART: Final = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME: Final = re.compile(rf"(?:({_DOMAIN}|\[[0-9a-fA-F:]+\](?::[0-9]+)?)/)?({_PART}(?:/{_PART})*)")
_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")


def complete_name(text: str, *, tag: str = "") -> str:
    """`nginx` → docker.io/library/nginx:latest; a digest stays. `tag` (or a digest) replaces what `text` says.

    Raises InvalidArgument: "invalid reference format".
    """
    name, separator, digest = text.partition("@")
    if separator and not _DIGEST.fullmatch(digest):
        raise InvalidArgument("invalid reference format")
    head, slash, last = name.rpartition("/")
    last, colon, own_tag = last.partition(":")
    if colon and not _TAG.fullmatch(own_tag):
        raise InvalidArgument("invalid reference format")
    if _DIGEST.fullmatch(tag):
        digest = tag
    elif tag:
        if not _TAG.fullmatch(tag):
            raise InvalidArgument("invalid tag format")
        own_tag, digest = tag, ""
    repository = complete_repository(f"{head}{slash}{last}")
    return f"{repository}@{digest}" if digest else f"{repository}:{own_tag or 'latest'}"


def complete_repository(name: str) -> str:
    """`nginx` → docker.io/library/nginx, `host:5000/a` stays. Raises InvalidArgument."""
    first, slash, rest = name.partition("/")
    is_domain = bool(slash) and ("." in first or ":" in first or first == "localhost" or first != first.lower())
    domain, path = (first, rest) if is_domain else ("docker.io", name)
    if domain == "index.docker.io":
        domain = "docker.io"
    if path != path.lower():
        raise InvalidArgument(f"invalid reference format: repository name ({name}) must be lowercase")
    if domain == "docker.io" and "/" not in path:
        path = f"library/{path}"
    whole = f"{domain}/{path}"
    if len(path) > 255 or not _NAME.fullmatch(whole):
        raise InvalidArgument("invalid reference format")
    return whole


def familiar_name(complete: str) -> str:
    """docker.io/library/nginx:latest → nginx:latest."""
    for prefix in ("docker.io/library/", "docker.io/"):
        if complete.startswith(prefix):
            return complete[len(prefix) :]
    return complete


def split_tag(name: str) -> tuple[str, str]:
    """(repository, tag or digest) of a name; a tag is empty where there is none."""
    if "@" in name:
        repository, _, digest = name.partition("@")
        return _without_tag(repository), digest
    repository = _without_tag(name)
    return repository, name[len(repository) + 1 :]


def is_dangling(complete: str) -> bool:
    return complete.startswith(f"{DANGLING_PREFIX}@")


def _without_tag(name: str) -> str:
    head, slash, last = name.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}"
