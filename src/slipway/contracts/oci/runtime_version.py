"""Versions of the OCI runtime specification."""

VERSION = "1.2.1"
"""Written into states and examples, as the original writes it."""
NEWEST = "1.3.0"
"""Whose properties `runtime.py` knows: `features` tells it."""
