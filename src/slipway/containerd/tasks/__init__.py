"""Tasks: containers that run. Each lives in a shim of its own, which outlives this daemon."""
