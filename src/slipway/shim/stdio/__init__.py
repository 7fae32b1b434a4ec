"""A container's standard streams: from its pipes or terminal to the fifos that containerd's client reads and writes."""
