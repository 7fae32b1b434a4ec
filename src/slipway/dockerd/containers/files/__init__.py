"""What of files a container has: mounts, volumes, devices, users, and what changed."""
