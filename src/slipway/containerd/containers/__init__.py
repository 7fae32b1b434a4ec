"""Containers: what is to run. They exist before a task runs and after it has ended."""
