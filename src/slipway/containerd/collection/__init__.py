"""Collection: finding what nothing keeps any more, and removing it."""
