"""Transfer: images moved between registries, archives and the image store."""
