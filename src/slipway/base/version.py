"""The version of Slipway, the same in all five programs; pyproject.toml says it too, and a test compares."""

VERSION = "0.1.0"
