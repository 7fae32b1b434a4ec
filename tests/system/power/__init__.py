"""A machine that loses its power: the guest of tools/vm, its disk, and what runs in it."""
