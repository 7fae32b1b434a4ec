"""The platforms that requests name: as text, as OCI's JSON, and those that nothing here serves yet."""

import os
import re
from typing import Final

from slipway.base.errors import InvalidArgument, NotImplementedByEngine
from slipway.contracts.containerd_api.types import Platform
from slipway.contracts.oci.image import platform_from_document as oci_platform
from slipway.contracts.oci.platforms import matches, normalized, platform_from_machine, text_of
from slipway.dockerd.api.parameters import Query, json_from_bytes

_PLATFORM: Final = re.compile(r"[A-Za-z0-9_-]+(?:/[A-Za-z0-9_.-]+){0,2}")


def platform_from_text(text: str) -> Platform | None:
    """`linux/arm64/v8`, or an architecture alone; None when empty. Raises InvalidArgument."""
    if not text:
        return None
    if not _PLATFORM.fullmatch(text):
        raise InvalidArgument(f'"{text[:80]}" is an invalid platform', hint="OS[/ARCHITECTURE[/VARIANT]]")
    parts = text.split("/")
    if len(parts) == 1 and parts[0].lower() != "linux":
        parts.insert(0, "linux")
    os_name, architecture, variant = (*parts, "", "")[:3]
    return normalized(Platform(os=os_name, architecture=architecture or _own().architecture, variant=variant))


def platform_from_document(text: str) -> Platform | None:
    """A platform as OCI's JSON; None when empty. Raises InvalidArgument."""
    if not text:
        return None
    document = json_from_bytes(text.encode("utf-8", "surrogatepass"), "platform")
    try:
        platform = oci_platform(document, "platform")
    except InvalidArgument as error:
        raise InvalidArgument(f"failed to parse platform: {error.message}") from error
    if platform is None or not platform.os or not platform.architecture:
        raise InvalidArgument("both OS and Architecture must be provided")
    return platform


def only_platform(query: Query) -> Platform | None:
    """The one `platform` of a request that may have one. Raises InvalidArgument."""
    if len(query.texts("platform")) > 1:
        raise InvalidArgument("multiple platform parameters not supported")
    return platform_from_document(query.text("platform"))


def refuse_foreign(platform: Platform | None, what: str) -> None:
    """Another platform than this machine's. Raises NotImplementedByEngine."""
    if platform is not None and not matches(_own(), platform):
        raise NotImplementedByEngine(f"{what} for the platform {text_of(platform)} is not supported by this engine yet")


def _own() -> Platform:
    return platform_from_machine(os.uname().machine)
