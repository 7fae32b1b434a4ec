"""Image references as people write them: [domain/]path[:tag][@digest]. Pure, and without `re`, for the client's
start-up.
"""

from slipway.base.errors import InvalidArgument

_HEXADECIMAL = frozenset("0123456789abcdef")
_LOWER = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
_UPPER = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_TAG = _LOWER | _UPPER | frozenset("_.-")
DEFAULT_DOMAIN = "docker.io"
_OFFICIAL = "library/"


class Reference:
    """A parsed reference. `familiar` is the name without what everybody leaves out (docker.io/library/)."""

    __slots__ = ("digest", "domain", "path", "tag")

    def __init__(self, domain: str, path: str, tag: str, digest: str) -> None:
        self.domain = domain
        self.path = path
        self.tag = tag
        self.digest = digest

    @property
    def familiar(self) -> str:
        if self.domain != DEFAULT_DOMAIN:
            return f"{self.domain}/{self.path}"
        return self.path.removeprefix(_OFFICIAL) if self.path.count("/") == 1 else self.path

    @property
    def full_name(self) -> str:
        """With the domain, as the API's queries have it."""
        return f"{self.domain}/{self.path}"

    @property
    def text(self) -> str:
        """The familiar name with tag and digest."""
        text = f"{self.familiar}:{self.tag}" if self.tag else self.familiar
        return f"{text}@{self.digest}" if self.digest else text


def is_image_id(text: str) -> bool:
    """64 hexadecimal digits: an id, never a name."""
    return len(text) == 64 and _HEXADECIMAL.issuperset(text)


def parse_reference(text: str) -> Reference:
    """Raises InvalidArgument, in the original's words."""
    if is_image_id(text):
        raise InvalidArgument(
            f"invalid reference format: invalid repository name ({text}), cannot specify 64-byte hexadecimal strings"
        )
    name, at, digest = text.partition("@")
    if at and not _is_digest(digest):
        raise InvalidArgument("invalid reference format")
    tag = ""
    colon = name.rfind(":")
    if colon > name.rfind("/"):
        name, tag = name[:colon], name[colon + 1 :]
        if not tag or len(tag) > 128 or tag[0] in ".-" or not _TAG.issuperset(tag):
            raise InvalidArgument("invalid reference format")
    domain, path = _split_domain(name)
    if not _UPPER.isdisjoint(path):
        raise InvalidArgument(f"invalid reference format: repository name ({path}) must be lowercase")
    if not path or not all(map(_is_path_component, path.split("/"))) or not _is_domain(domain):
        raise InvalidArgument("invalid reference format")
    return Reference(domain, path, tag, digest)


def with_default_tag(text: str) -> str:
    """The familiar form with a tag or digest; "" for an image id, which has none. Raises InvalidArgument."""
    if is_image_id(text):
        return ""
    reference = parse_reference(text)
    if not reference.tag and not reference.digest:
        reference.tag = "latest"
    return reference.text


def _split_domain(name: str) -> tuple[str, str]:
    first, slash, rest = name.partition("/")
    is_domain = slash and ("." in first or ":" in first or first == "localhost" or first.lower() != first)
    domain, path = (first, rest) if is_domain else (DEFAULT_DOMAIN, name)
    if domain == "index.docker.io":
        domain = DEFAULT_DOMAIN
    if domain == DEFAULT_DOMAIN and "/" not in path:
        path = _OFFICIAL + path
    return domain, path


def _is_domain(domain: str) -> bool:
    host, _, port = domain.rpartition(":") if ":" in domain and not domain.endswith("]") else (domain, "", "")
    if port and not port.isdigit():
        return False
    return bool(host) and (host[0] == "[" or (_LOWER | _UPPER | frozenset(".-")).issuperset(host))


def _is_path_component(part: str) -> bool:
    """Lower-case alphanumerics, joined by one dot, one or two underscores, or any number of dashes."""
    if not part or part[0] not in _LOWER or part[-1] not in _LOWER or " " in part:
        return False
    joined = part
    for character in _LOWER:
        joined = joined.replace(character, " ")
    return all(set(separator) == {"-"} or separator in (".", "_", "__") for separator in joined.split())


def _is_digest(digest: str) -> bool:
    algorithm, colon, value = digest.partition(":")
    return bool(colon and algorithm) and len(value) >= 32 and (_HEXADECIMAL | frozenset("ABCDEF")).issuperset(value)
