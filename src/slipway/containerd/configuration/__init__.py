"""The configuration file: several versions and imports come in, one Settings goes out; and back as text."""
