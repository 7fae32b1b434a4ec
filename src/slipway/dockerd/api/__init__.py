"""The Engine API's routes. Each file declares what it needs of the engine as a small Protocol; nouns come behind it."""
