"""One file per process: the only place that builds long-lived objects, and that may import two programs."""
