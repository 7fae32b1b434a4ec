"""Slipway: the Docker Engine, whole, in Python. ARCHITECTURE.md is the map."""
