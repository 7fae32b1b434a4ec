"""Asking containers for their health."""
