"""The gRPC services: requests decoded, nouns called, replies encoded. Nothing is decided here, nothing here waits on
a disk."""
