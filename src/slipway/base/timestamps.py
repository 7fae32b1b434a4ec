"""RFC 3339 timestamps with nanoseconds, in UTC, as the Engine API and the log files write them."""

import time

NANOSECONDS = 1_000_000_000


def fixed_from_nanoseconds(nanoseconds: int) -> str:
    """As `rfc3339_from_nanoseconds`, with all nine digits of the fraction: what the originals' logs have."""
    seconds, fraction = divmod(nanoseconds, NANOSECONDS)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{fraction:09d}Z"


def rfc3339_from_nanoseconds(nanoseconds: int) -> str:
    """2026-11-24T01:02:03.123456789Z; trailing zeros of the fraction are dropped as Go's RFC3339Nano does."""
    seconds, fraction = divmod(nanoseconds, NANOSECONDS)
    head = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    if not fraction:
        return f"{head}Z"
    return f"{head}.{fraction:09d}".rstrip("0") + "Z"
