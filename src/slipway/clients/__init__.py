"""The calling side of each hop."""
