"""Images as users know them. containerd holds and moves them; this noun names, describes and asks."""
