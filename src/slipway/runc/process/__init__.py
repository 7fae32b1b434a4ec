"""Making the container's processes: the parent that stays outside, the child that goes in, and their handshake."""
