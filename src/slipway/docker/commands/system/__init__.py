"""Commands about the daemon and everything in it."""
