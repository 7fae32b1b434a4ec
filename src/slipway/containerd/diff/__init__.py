"""Diff: layers applied to mounts, and made from them."""
