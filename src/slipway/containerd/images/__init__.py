"""Images: names for descriptors."""
