"""What a new daemon finds, and what containerd tells of."""
