"""What hierarchies of control groups are called in tables of groups: each controller of v1 by its name, and these."""

UNIFIED = ""
"""v2."""

HYBRID = "unified"
"""v2 without controllers, beside v1."""
