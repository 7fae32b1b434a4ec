"""Metrics for Prometheus. Imported only where metrics.address is set."""
