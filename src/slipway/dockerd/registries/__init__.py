"""How registries are reached: mirrors, insecure registries, certificates; for containerd, which asks them."""
