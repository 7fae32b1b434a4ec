"""The calling side of a registry (OCI distribution specification 1.1): resolve names, fetch manifests and blobs."""
