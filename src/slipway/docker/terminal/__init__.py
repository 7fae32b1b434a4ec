"""Our terminal and streams."""
