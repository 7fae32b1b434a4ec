"""Leases: names that keep content, snapshots and ingests from collection until they are deleted or expire."""
