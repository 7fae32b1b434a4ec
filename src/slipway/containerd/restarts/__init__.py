"""Restarts: containers whose labels ask for it are started again, or stopped, by containerd itself."""
