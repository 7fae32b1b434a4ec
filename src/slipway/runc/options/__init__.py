"""The command line as values. Pure."""
