"""The machine and the daemon itself: facts, versions, the containerd that it supervises."""
