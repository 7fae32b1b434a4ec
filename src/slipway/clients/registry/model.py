"""What a registry is asked, and where it answers."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class Host:
    """One place that serves a repository: the registry itself, or a mirror of it.

    `base` is a URL up to and without the repository (`https://registry-1.docker.io/v2`). `resolves` says that it may
    turn tags into digests; every host may be asked by digest. `pushes` says that it takes images. `certificates` is a
    file of authorities to trust.
    """

    base: str
    resolves: bool = True
    pushes: bool = True
    verify: bool = True
    certificates: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Challenge:
    """One WWW-Authenticate challenge: the scheme in lower case, the parameters by lower-case name."""

    scheme: str
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Login:
    """What a person has for a host: a name and a secret, or (empty name) a refresh token."""

    username: str
    secret: str = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Body:
    """What a request sends: `size` bytes, which `pieces` reads from their beginning, once per attempt."""

    size: int
    pieces: Callable[[], AsyncGenerator[bytes, None]]


AskLogin = Callable[[str, tuple[str, ...]], Awaitable[Login | None]]
"""Called with the host and its WWW-Authenticate lines; None means anonymous."""


async def anonymous(host: str, challenges: tuple[str, ...]) -> Login | None:
    """The AskLogin of someone who has no account."""
    return None
