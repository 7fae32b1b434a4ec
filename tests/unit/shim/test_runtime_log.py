"""The runtime's last words, as runc and crun write them."""

import json

import pytest

from slipway.clients.runc.log import last_error

RUNC = '{"level":"warning","msg":"old"}\n{"level":"error","msg":"first"}\n{"level":"error","msg":"why\\nnot\\n"}\n'
CRUN = json.dumps({"msg": "the path `/etc` is not a file", "level": "error", "time": "2026"}, indent=2) + "\n"


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ("", ""),
        (RUNC, "why\nnot"),
        (CRUN, "the path `/etc` is not a file"),
        (RUNC + CRUN, "the path `/etc` is not a file"),
        ("no JSON\n" + RUNC + "{broken\n[1]\n", "why\nnot"),
        (RUNC + CRUN[: len(CRUN) // 2], "why\nnot"),
        ('{"level":"debug","msg":"chat"}', ""),
        ('{"level":"error","msg":5}', ""),
    ],
)
def test_the_last_error_is_found(log: str, words: str) -> None:
    assert last_error(log) == words
