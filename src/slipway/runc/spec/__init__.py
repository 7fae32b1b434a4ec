"""What a bundle's configuration means, checked. Pure; the types are in `contracts/oci/runtime.py`."""
