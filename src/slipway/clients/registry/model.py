"""What a registry is asked, and where it answers."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final


@dataclass(frozen=True, kw_only=True, slots=True)
class Host:
    """One place that serves a repository: the registry itself, or a mirror of it.

    `base` is a URL up to and without the repository (`https://registry-1.docker.io/v2`). `resolves` says that it may
    turn tags into digests, `pulls` that it may be asked by digest, `pushes` that it takes images. `may_be_plain`: a
    host at https that speaks no TLS is asked in clear. `authorities` are files of certificates to trust beside the
    system's, `identities` pairs of files (certificate, key; key empty: in the same file) to show who we are.
    `stands_for` is the domain of the registry whose mirror this is; empty for the registry itself.
    """

    base: str
    resolves: bool = True
    pulls: bool = True
    pushes: bool = True
    verify: bool = True
    may_be_plain: bool = False
    authorities: tuple[str, ...] = ()
    identities: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    dial_seconds: float = 30.0
    stands_for: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Patience:
    """How long a registry is waited for, in seconds: never for all of a download, always for its next step.

    `answer` is for the whole of an answer's header, `commit` for that to an upload (the registry may have to move it),
    `progress` for the next bytes of a body, `crawl` for the next 64 KiB, `document` for all of a manifest or token.
    `pauses` lie between attempts that brought nothing; a Retry-After of more than `longest_pause` is an error at once.
    """

    answer: float = 60.0
    commit: float = 300.0
    progress: float = 60.0
    crawl: float = 300.0
    document: float = 300.0
    pauses: tuple[float, ...] = (0.2, 1.0, 4.0)
    longest_pause: float = 30.0

    def with_attempts(self, attempts: int) -> "Patience":
        """The same, for so many attempts (one at least) that bring nothing."""
        more = max(attempts - 1 - len(self.pauses), 0)
        return replace(self, pauses=(*self.pauses, *self.pauses[-1:] * more)[: max(attempts - 1, 0)])


USUAL_PATIENCE: Final = Patience()


@dataclass(frozen=True, kw_only=True, slots=True)
class Challenge:
    """One WWW-Authenticate challenge: the scheme in lower case, the parameters by lower-case name."""

    scheme: str
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Login:
    """What a person has for a host: a name and a secret, or (empty name) a refresh token.

    `header` instead of both is a whole Authorization header, for the registry itself.
    """

    username: str = ""
    secret: str = field(default="", repr=False)
    header: str = field(default="", repr=False)


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
