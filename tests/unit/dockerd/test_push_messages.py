"""A push's steps as the client's lines."""

import pytest

from slipway.base.errors import PermissionDenied, Unavailable
from slipway.clients.containerd.transfer import Progress
from slipway.dockerd.images.progress import PushMessages
from slipway.dockerd.images.push import words_of_failure

DIGITS = "0123456789ab" + "c" * 52
LAYER = f"layer-sha256:{DIGITS}"


def lines(*steps: tuple[str, str], mounted_from: str = "") -> list[tuple[str, str]]:
    messages = PushMessages()
    return [
        (message["id"], message["status"])
        for name, event in steps
        for message in messages.of(Progress(event=event, name=name, progress=0, total=9, mounted_from=mounted_from))
    ]


def test_each_change_of_a_blob_is_one_line() -> None:
    assert lines((LAYER, "waiting"), (LAYER, "waiting"), (LAYER, "uploading"), (LAYER, "complete")) == [
        ("0123456789ab", "Waiting"),
        ("0123456789ab", "Pushing"),
        ("0123456789ab", "Pushed"),
    ]
    assert lines((LAYER, "already exists")) == [("0123456789ab", "Layer already exists")]
    assert lines((f"unknown-sha256:{DIGITS}", "already exists")) == [("0123456789ab", "Already exists")]
    assert lines((LAYER, "already exists"), mounted_from="team/base") == [("0123456789ab", "Mounted from team/base")]


@pytest.mark.parametrize("name", [f"{kind}-sha256:{DIGITS}" for kind in ("manifest", "index", "config")] + ["", "x:1"])
def test_documents_have_no_line(name: str) -> None:
    assert lines((name, "waiting"), (name, "complete")) == []


def test_what_is_not_pushed_after_all_is_unavailable() -> None:
    messages = PushMessages()
    other = LAYER.replace("0123456789ab", "ba9876543210")
    for name, event in ((LAYER, "waiting"), (other, "waiting"), (other, "complete")):
        messages.of(Progress(event=event, name=name, progress=0, total=9))
    assert [(each["id"], each["status"]) for each in messages.unavailable()] == [("0123456789ab", "Unavailable")]
    assert messages.unavailable() == []


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (
            "push h/x@sha256:0: unexpected status from POST request to https://h/v2/x/blobs/uploads/: "
            "403 Forbidden: denied: requested access to the resource is denied",
            "error from registry: requested access to the resource is denied",
        ),
        (
            "unexpected status from PUT request to https://h/v2/x/manifests/1: 400 Bad Request\nname unknown: no x",
            "error from registry: no x",
        ),
        ("a: unexpected status from HEAD request to https://h/: 500 Internal Server Error", ""),
        ("push h/x: no push hosts", ""),
    ],
)
def test_the_registrys_words_are_passed_on(told: str, words: str) -> None:
    for kind in (PermissionDenied, Unavailable):
        failure = words_of_failure(kind(told))
        assert (type(failure), failure.message) == (kind, words or told)
