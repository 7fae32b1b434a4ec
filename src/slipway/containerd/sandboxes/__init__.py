"""Sandboxes: groups of containers that share a shim. Their records here; those that run are with the tasks."""
