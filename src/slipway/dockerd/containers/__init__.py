"""Containers as users see them. Creating one is asking containerd; what is kept here is configuration and state."""
