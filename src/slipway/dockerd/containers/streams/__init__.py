"""A container's standard streams: the fifos, who is attached, the log."""
