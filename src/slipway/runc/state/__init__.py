"""What is remembered of a container between two commands, below `--root`."""
