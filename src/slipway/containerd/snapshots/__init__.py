"""Snapshots: chains of file system layers, and the mounts that show them."""
