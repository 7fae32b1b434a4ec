"""The OCI runtime specification of a container, from what was asked and what the host has. Pure: no file is read
here."""
