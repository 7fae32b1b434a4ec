"""How `./dev` talks: one line per step, on standard error, at once. Standard output is for what was asked for."""

import sys


class Failed(Exception):
    """A step that cannot be done; the sentence says why and, in brackets, what to do."""


def step(text: str) -> None:
    print(f"==> {text}", file=sys.stderr, flush=True)


def line(text: str) -> None:
    print(f"    {text}", file=sys.stderr, flush=True)


def warn(text: str) -> None:
    print(f"dev: {text}", file=sys.stderr, flush=True)
