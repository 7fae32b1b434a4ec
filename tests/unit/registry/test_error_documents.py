"""What a registry says, as one sentence of bounded length."""

import json

import pytest

from slipway.clients.registry.error_documents import words_of_errors


@pytest.mark.parametrize(
    ("errors", "words"),
    [
        (
            [{"code": "DENIED", "message": "requested access to the resource is denied", "detail": None}],
            "denied: requested access to the resource is denied",
        ),
        (
            [{"code": "NAME_INVALID", "message": "invalid repository name"}],
            "name invalid: invalid repository name",
        ),
        (
            [{"code": "TOOMANYREQUESTS", "message": "quota exceeded", "detail": {"quota": 10, "used": "11 GB"}}],
            "toomanyrequests: quota exceeded: quota 10, used 11 GB",
        ),
        (
            [{"code": "MANIFEST_BLOB_UNKNOWN", "detail": {"digest": "sha256:0"}}, {"code": "SIZE_INVALID"}],
            "manifest blob unknown: digest sha256:0; size invalid",
        ),
        ([{"code": "denied", "message": "denied"}], "denied"),
        (["text", 1, {"code": 7}, {"message": "only this"}], "only this"),
    ],
)
def test_errors_become_one_sentence(errors: list[object], words: str) -> None:
    assert words_of_errors(json.dumps({"errors": errors}).encode()) == words


@pytest.mark.parametrize("data", [b"", b"[1]", b"{}", b'{"errors": 1}', b'{"errors": []}', b"[" * 100_000, b"\xff\x00"])
def test_what_is_no_error_document_is_shown_as_it_is(data: bytes) -> None:
    words = words_of_errors(data)
    assert len(words) <= 300
    assert words.isprintable()


def test_lines_and_escapes_do_not_reach_the_terminal() -> None:
    said = json.dumps({"errors": [{"code": "DENIED", "message": "no\n\x1b[31mway\r" + "x" * 1000}]}).encode()
    assert words_of_errors(said).startswith("denied: no [31mway xxx")
    assert len(words_of_errors(said)) == 300
