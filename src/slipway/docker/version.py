"""What the client says of itself. The number is the release of the original whose behaviour we follow."""

VERSION = "28.5.2"
BUILD = "slipway"
