"""Where images come from and go to, as the transfer service decodes it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from slipway.contracts.containerd_api.types import Descriptor, Platform


@dataclass(frozen=True, kw_only=True, slots=True)
class AuthChallenge:
    """What a registry answered instead of the image: its host, the reference asked for, its WWW-Authenticate lines."""

    host: str
    reference: str
    www_authenticate: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Credentials:
    """What the client has for a host. `kind`: "credentials" (user name and secret), "refresh" (a token), "header"."""

    kind: str
    username: str = ""
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Registry:
    """An image in a registry. `ask_credentials` asks the client over its stream; None: anonymous."""

    reference: str
    headers: Mapping[str, str] = field(default_factory=dict)
    host_dir: str = ""
    default_scheme: str = ""
    ask_credentials: Callable[[AuthChallenge], Awaitable[Credentials | None]] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Unpack:
    """One platform to unpack, by one snapshotter (empty: the configured default)."""

    platform: Platform
    snapshotter: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExtraReference:
    """Another name for the images of an import; see containerd's ImageReference for the five switches."""

    name: str
    is_prefix: bool = False
    allow_overwrite: bool = False
    add_digest: bool = False
    skip_named_digest: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageStore:
    """An image, or several, in our image store.

    `platforms` empty: all of them. A pull with `all_metadata` also fetches the documents of other platforms, and at
    most `manifest_limit` (0: any number of) manifests of an index.
    """

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    platforms: tuple[Platform, ...] = ()
    all_metadata: bool = False
    manifest_limit: int = 0
    extra_references: tuple[ExtraReference, ...] = ()
    unpacks: tuple[Unpack, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportOptions:
    """What an archive is to hold."""

    media_type: str = ""
    platforms: tuple[Platform, ...] = ()
    all_platforms: bool = False
    skip_compatibility_manifest: bool = False
    skip_non_distributable: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """One step, in the original's words: `event` is waiting, downloading, complete, extracting, extracted, saved,
    ..."""

    event: str
    name: str = ""
    parents: tuple[str, ...] = ()
    progress: int = 0
    total: int = 0
    descriptor: Descriptor | None = None
