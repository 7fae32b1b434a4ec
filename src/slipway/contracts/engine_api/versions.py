"""Versions of the Engine API, and which of them are spoken. Pure."""

from typing import Final, NamedTuple

from slipway.base.errors import InvalidArgument
from slipway.base.identifiers import integer_from_text


class ApiVersion(NamedTuple):
    """1.51 as numbers, so that 1.9 comes before 1.10."""

    major: int
    minor: int

    @classmethod
    def parse(cls, text: str) -> "ApiVersion":
        """Raises InvalidArgument."""
        major, _, minor = text.partition(".")
        return cls(
            integer_from_text(major, "API version", high=999), integer_from_text(minor or "0", "API version", high=999)
        )

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


NEWEST: Final = ApiVersion(1, 51)
OLDEST: Final = ApiVersion(1, 24)


def negotiated(asked: str) -> ApiVersion:
    """The version of a request; an empty one is the newest. Raises InvalidArgument with the original's sentences."""
    if not asked:
        return NEWEST
    version = ApiVersion.parse(asked)
    if version < OLDEST:
        raise InvalidArgument(
            f"client version {asked} is too old. Minimum supported API version is {OLDEST}, "
            "please upgrade your client to a newer version"
        )
    if version > NEWEST:
        raise InvalidArgument(f"client version {asked} is too new. Maximum supported API version is {NEWEST}")
    return version
