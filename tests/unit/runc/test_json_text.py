"""base/json_text.py against the standard library's json, and against text that is not JSON."""

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.base import json_text
from slipway.base.errors import InvalidArgument

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES)
def test_what_is_written_is_read_back(value: Any) -> None:
    assert json_text.loads(json_text.dumps(value)) == value
    assert json_text.loads(json_text.dumps_indented(value)) == value


@given(VALUES)
def test_it_reads_what_the_standard_library_writes(value: Any) -> None:
    assert json_text.loads(json.dumps(value).encode()) == value


def test_indented_text_looks_like_that_of_the_original() -> None:
    text = json_text.dumps_indented({"a": [1, {"b": None}], "c": {}, "d": []})
    assert text == '{\n  "a": [\n    1,\n    {\n      "b": null\n    }\n  ],\n  "c": {},\n  "d": []\n}'


@pytest.mark.parametrize("text", ["", " ", "{", "[1,]", "nul", "NaN", "Infinity", "1 2", '{"a":1,}', '"\x01"', b"\xff"])
def test_malformed_text_is_an_invalid_argument(text: str | bytes) -> None:
    with pytest.raises(InvalidArgument, match="decode config"):
        json_text.loads(text, "config")


def test_deep_nesting_and_long_numbers_are_refused_not_fatal() -> None:
    for text in ("[" * 100_000, "1" * 100_000):
        with pytest.raises(InvalidArgument):
            json_text.loads(text)


def test_malformed_text_is_refused_also_where_json_was_never_imported() -> None:
    program = (
        "from slipway.base import json_text, errors\nimport sys\n"
        "try: json_text.loads('{')\nexcept errors.InvalidArgument: print('json' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {SOURCE!r})\n{program}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() in ("True", "False")


def test_what_json_cannot_hold_is_refused() -> None:
    for value in (float("nan"), object(), b"x"):
        with pytest.raises(InvalidArgument):
            json_text.dumps(value)  # type: ignore[arg-type]


SOURCE = json_text.__file__.removesuffix("/slipway/base/json_text.py")
