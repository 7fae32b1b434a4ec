"""A request to create a container, checked and completed."""
