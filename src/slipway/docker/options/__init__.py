"""Command lines and their parts as values and API documents. Pure."""
