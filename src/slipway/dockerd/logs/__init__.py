"""What containers print: written to disk before it is taken from the pipe, read back, and handed to who is attached."""
