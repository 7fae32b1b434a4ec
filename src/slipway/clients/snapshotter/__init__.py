"""The caller's side of containerd.services.snapshots.v1 as a snapshotter of another process serves it."""
