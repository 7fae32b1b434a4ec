"""The kernel's vocabulary, and the only place for ctypes. Knows nothing of containers, images or OCI."""
