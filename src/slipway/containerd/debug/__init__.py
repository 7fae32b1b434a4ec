"""What the daemon shows of itself for debugging. Imported only where debug.address is set."""
