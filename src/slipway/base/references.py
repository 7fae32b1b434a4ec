"""Image references: Docker's grammar, and its two spellings: `nginx` for people, `docker.io/library/nginx:latest` for
machines.

Source: the grammar in github.com/distribution/reference, reference.go; the domain rules in its normalize.go.
"""

import re
from dataclasses import dataclass, replace
from typing import Final

from slipway.base.digests import is_digest
from slipway.base.errors import InvalidArgument

DEFAULT_DOMAIN: Final = "docker.io"
HUB_HOST: Final = "registry-1.docker.io"  # docker.io itself serves a web site
_LEGACY_DOMAIN: Final = "index.docker.io"
_OFFICIAL: Final = "library/"
DEFAULT_TAG: Final = "latest"
NAME_LIMIT: Final = 255

_LABEL: Final = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN: Final = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[(?:[a-fA-F0-9:]+)\])(?::[0-9]+)?"
_PATH_PART: Final = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_TAG: Final = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_DIGEST: Final = r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
_REFERENCE: Final = re.compile(
    rf"(?P<domain>{_DOMAIN})/(?P<path>{_PATH_PART}(?:/{_PATH_PART})*)(?::(?P<tag>{_TAG}))?(?:@(?P<digest>{_DIGEST}))?"
)
_ONLY_TAG: Final = re.compile(_TAG)
_BARE_ID: Final = re.compile(r"[a-f0-9]{64}")
# Whatever a person types is shortened before it is shown again.
_TEXT_LIMIT: Final = 4096


@dataclass(frozen=True, slots=True)
class Reference:
    """One image in one repository. `tag` and `digest` are empty where the text had none."""

    domain: str
    path: str
    tag: str = ""
    digest: str = ""

    @property
    def name(self) -> str:
        """The repository: docker.io/library/nginx."""
        return f"{self.domain}/{self.path}"

    @property
    def familiar_name(self) -> str:
        """The repository as people write it: nginx, user/image, host:5000/image."""
        if self.domain != DEFAULT_DOMAIN:
            return self.name
        rest = self.path.removeprefix(_OFFICIAL)
        return self.path if "/" in rest else rest

    @property
    def complete(self) -> str:
        """As containerd stores it. A digest wins over a tag, as in the original."""
        return f"{self.name}{self._suffix()}"

    @property
    def familiar(self) -> str:
        """As `docker images` shows it."""
        return f"{self.familiar_name}{self._suffix()}"

    @property
    def object(self) -> str:
        """What a registry is asked for: the digest, or the tag."""
        return self.digest or self.tag or DEFAULT_TAG

    def with_tag(self, tag: str) -> "Reference":
        """The same repository under `tag`, without digest. Raises InvalidArgument ("invalid tag format")."""
        if not _ONLY_TAG.fullmatch(tag):
            raise InvalidArgument("invalid tag format")
        return replace(self, tag=tag, digest="")

    def with_digest(self, digest: str) -> "Reference":
        """The same repository at `digest`. Raises InvalidArgument ("invalid digest format")."""
        if not is_digest(digest):
            raise InvalidArgument("invalid digest format")
        return replace(self, digest=digest)

    def _suffix(self) -> str:
        if self.digest:
            return f"@{self.digest}"
        return f":{self.tag}" if self.tag else ""


def parse_reference(text: str) -> Reference:
    """Read what a person typed; neither tag nor digest is added. Raises InvalidArgument in Docker's words."""
    if len(text) > _TEXT_LIMIT:
        raise InvalidArgument("invalid reference format")
    if _BARE_ID.fullmatch(text):
        raise InvalidArgument(f"invalid repository name ({text}), cannot specify 64-byte hexadecimal strings")
    domain, rest = _split_domain(text)
    path = rest.partition(":")[0]
    if path.lower() != path:
        raise InvalidArgument(f"invalid reference format: repository name ({path}) must be lowercase")
    match = _REFERENCE.fullmatch(f"{domain}/{rest}")
    if match is None or (match["digest"] and not is_digest(match["digest"])):
        raise InvalidArgument("invalid reference format")
    if len(match["path"]) > NAME_LIMIT:
        raise InvalidArgument(f"repository name must not be more than {NAME_LIMIT} characters")
    return Reference(match["domain"], match["path"], match["tag"] or "", match["digest"] or "")


def complete_reference(text: str) -> Reference:
    """As `parse_reference`, with `latest` where neither tag nor digest was given."""
    reference = parse_reference(text)
    if reference.tag or reference.digest:
        return reference
    return replace(reference, tag=DEFAULT_TAG)


def registry_host(domain: str) -> str:
    """Who serves the images of a domain."""
    return HUB_HOST if domain == DEFAULT_DOMAIN else domain


def _split_domain(text: str) -> tuple[str, str]:
    """The registry's host is a first part that looks like one: with a dot, a port, capitals, or localhost."""
    first, slash, rest = text.partition("/")
    is_domain = bool(slash) and ("." in first or ":" in first or first == "localhost" or first.lower() != first)
    domain, rest = (first, rest) if is_domain else (DEFAULT_DOMAIN, text)
    if domain == _LEGACY_DOMAIN:
        domain = DEFAULT_DOMAIN
    if domain == DEFAULT_DOMAIN and "/" not in rest:
        rest = f"{_OFFICIAL}{rest}"
    return domain, rest
