"""Image references as people write them: [domain/]path[:tag][@digest]. Pure, and without `re`, for the client's
start-up. The daemon reads them by base/references.py; a test holds the two to one answer.
"""

from slipway.base.errors import InvalidArgument

_HEXADECIMAL = frozenset("0123456789abcdef")
_LOWER = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
_UPPER = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_DIGITS = frozenset("0123456789")
_TAG = _LOWER | _UPPER | frozenset("_.-")
_DIGEST_LENGTHS = {"sha256": 64, "sha384": 96, "sha512": 128}
_NAME_LIMIT = 255
_TEXT_LIMIT = 4096
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
    if len(text) > _TEXT_LIMIT:
        raise InvalidArgument("invalid reference format")
    _refuse_capitals(text)
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
    if not path or not all(map(_is_path_component, path.split("/"))) or not _is_domain(domain):
        raise InvalidArgument("invalid reference format")
    if len(path) > _NAME_LIMIT:
        raise InvalidArgument(f"repository name must not be more than {_NAME_LIMIT} characters")
    return Reference(domain, path, tag, digest)


def _refuse_capitals(text: str) -> None:
    """Before anything else is looked at, as the original does: the name reaches up to the first colon."""
    path = _split_domain(text)[1].partition(":")[0]
    if not _UPPER.isdisjoint(path):
        raise InvalidArgument(f"invalid reference format: repository name ({path}) must be lowercase")


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
    host, colon, port = domain.rpartition(":") if ":" in domain and not domain.endswith("]") else (domain, "", "")
    if colon and not (port and _DIGITS.issuperset(port)):
        return False
    if host[:1] == "[":
        return len(host) > 2 and host[-1] == "]" and (_HEXADECIMAL | frozenset("ABCDEF:")).issuperset(host[1:-1])
    return all(map(_is_label, host.split(".")))


def _is_label(label: str) -> bool:
    inside = (_LOWER | _UPPER | frozenset("-")).issuperset(label)
    return bool(label) and inside and label[0] != "-" and label[-1] != "-"


def _is_path_component(part: str) -> bool:
    """Lower-case alphanumerics, joined by one dot, one or two underscores, or any number of dashes."""
    if not part or part[0] not in _LOWER or part[-1] not in _LOWER:
        return False
    separator = ""
    for character in part:
        if character not in _LOWER:
            separator += character
        elif separator:
            if separator.strip("-") and separator not in (".", "_", "__"):
                return False
            separator = ""
    return True


def _is_digest(digest: str) -> bool:
    algorithm, _, value = digest.partition(":")
    return _DIGEST_LENGTHS.get(algorithm) == len(value) and _HEXADECIMAL.issuperset(value)
