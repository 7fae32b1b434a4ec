"""Requests about volumes."""

from collections.abc import Mapping
from dataclasses import dataclass

from slipway.contracts.engine_api.schema import member


@dataclass(frozen=True, kw_only=True)
class VolumeRequest:
    """The body of POST /volumes/create."""

    name: str = member("")
    driver: str = member("")
    driver_opts: Mapping[str, str] | None = member(None)
    labels: Mapping[str, str] | None = member(None)
