"""What happens in the engine, told to whoever listens."""
