"""Configuration, contexts, credentials: where the client keeps and finds its settings."""
