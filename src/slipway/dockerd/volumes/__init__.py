"""Local volumes: folders that outlive containers."""
