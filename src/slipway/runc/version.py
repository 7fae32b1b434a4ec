"""What callers are told that we are: the release of the original whose commands and flags we have, and our own."""

from slipway.base.version import VERSION as OWN_VERSION

VERSION = "1.3.6"
COMMIT = f"slipway-{OWN_VERSION}"
