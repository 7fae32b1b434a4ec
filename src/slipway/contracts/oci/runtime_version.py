"""The version of the OCI runtime specification that `runtime.py` knows; written into states."""

VERSION = "1.2.1"
