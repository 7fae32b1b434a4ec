"""Labels under update masks."""

import pytest

from slipway.base.errors import InvalidArgument
from slipway.contracts.containerd_api.labels import (
    check_labels,
    labels_after_update,
    labels_from_text,
    text_from_labels,
)

CURRENT = {"a": "1", "b": "2"}


@pytest.mark.parametrize(
    ("given", "fields", "wanted"),
    [
        ({"c": "3"}, (), {"c": "3"}),
        ({"c": "3"}, ("labels",), {"c": "3"}),
        ({"a": "9"}, ("labels.a",), {"a": "9", "b": "2"}),
        ({"a": ""}, ("labels.a",), {"b": "2"}),
        ({}, ("labels.a",), {"b": "2"}),
        ({"x.y/z": "3"}, ("labels.x.y/z",), {"a": "1", "b": "2", "x.y/z": "3"}),
        ({"a": "9"}, ("target",), {"a": "1", "b": "2"}),
    ],
)
def test_mask(given: dict[str, str], fields: tuple[str, ...], wanted: dict[str, str]) -> None:
    assert labels_after_update(CURRENT, given, fields) == wanted


def test_a_label_of_4096_bytes_is_taken_and_one_more_is_not() -> None:
    check_labels({"k": "v" * 4095})
    with pytest.raises(InvalidArgument, match="greater than maximum size"):
        check_labels({"k": "v" * 4096})


def test_labels_survive_their_row() -> None:
    labels = {"a": 'quote " and \\', "ü": "snow ☃"}
    assert labels_from_text(text_from_labels(labels)) == labels
