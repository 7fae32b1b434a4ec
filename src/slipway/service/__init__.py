"""What a daemon needs to be a good service: configuration, logging, signals, the names of its instance."""
