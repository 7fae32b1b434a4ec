"""The speed table: ours beside the original Docker Engine 28.5, in one run, on one file system, with one client."""
