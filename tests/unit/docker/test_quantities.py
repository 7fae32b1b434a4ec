"""Sizes, durations, processor counts and references, as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.base.durations import duration_from_text, go_duration
from slipway.base.errors import InvalidArgument
from slipway.docker.options.comma_fields import fields_from_text
from slipway.docker.options.quantities import bytes_from_text, nano_cpus_from_text
from slipway.docker.options.references import parse_reference, with_default_tag
from slipway.docker.output.units import binary_size, decimal_size, span_in_words

SECOND = 1_000_000_000


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("32", 32),
        ("32b", 32),
        ("32k", 32768),
        ("1.5m", 1572864),
        ("2GiB", 2 << 30),
        ("64 MB", 64 << 20),
        ("1t", 1 << 40),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert bytes_from_text(text) == size


@pytest.mark.parametrize("text", ["", "x", "1x", "-1", "1_0", "32bb", "k"])
def test_malformed_sizes(text: str) -> None:
    with pytest.raises(ValueError, match="invalid"):
        bytes_from_text(text)


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("0", 0),
        ("1s", SECOND),
        ("1m30s", 90 * SECOND),
        ("-1.5h", -5400 * SECOND),
        ("300ms", SECOND * 3 // 10),
        ("1µs", 1000),
    ],
)
def test_durations(text: str, nanoseconds: int) -> None:
    assert duration_from_text(text) == nanoseconds


@given(st.integers(min_value=-(1 << 60), max_value=1 << 60))
def test_durations_survive_their_text(nanoseconds: int) -> None:
    assert duration_from_text(go_duration(nanoseconds)) == nanoseconds


@pytest.mark.parametrize(
    ("text", "nano"), [("1", SECOND), ("0.5", SECOND // 2), (".25", SECOND // 4), ("3/2", SECOND * 3 // 2), ("1e-9", 1)]
)
def test_processors(text: str, nano: int) -> None:
    assert nano_cpus_from_text(text) == nano


@pytest.mark.parametrize("text", ["", "x", "1/0", "0.0000000001", "1/7"])
def test_malformed_processors(text: str) -> None:
    with pytest.raises(ValueError, match=r"rational|precise"):
        nano_cpus_from_text(text)


@pytest.mark.parametrize(
    ("size", "decimal", "binary"),
    [(0, "0B", "0B"), (999, "999B", "999B"), (2024544, "2.025MB", "1.931MiB"), (25_276_000_000, "25.28GB", "23.54GiB")],
)
def test_sizes_in_words(size: int, decimal: str, binary: str) -> None:
    assert (decimal_size(size), binary_size(size)) == (decimal, binary)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "Less than a second"),
        (1, "1 second"),
        (59, "59 seconds"),
        (60, "About a minute"),
        (3599, "59 minutes"),
        (3600, "About an hour"),
        (2 * 86400, "2 days"),
        (15 * 86400, "2 weeks"),
        (70 * 86400, "2 months"),
        (800 * 86400, "2 years"),
    ],
)
def test_spans_in_words(seconds: int, words: str) -> None:
    assert span_in_words(seconds * SECOND) == words


@pytest.mark.parametrize(
    ("text", "full", "familiar"),
    [
        ("nginx", "docker.io/library/nginx", "nginx:latest"),
        ("nginx:1", "docker.io/library/nginx", "nginx:1"),
        ("me/x", "docker.io/me/x", "me/x:latest"),
        ("localhost/x", "localhost/x", "localhost/x:latest"),
        ("host:5000/a/b:c", "host:5000/a/b", "host:5000/a/b:c"),
        ("docker.io/library/a", "docker.io/library/a", "a:latest"),
        ("a@sha256:" + "0" * 64, "docker.io/library/a", "a@sha256:" + "0" * 64),
    ],
)
def test_references(text: str, full: str, familiar: str) -> None:
    assert (parse_reference(text).full_name, with_default_tag(text)) == (full, familiar)


@pytest.mark.parametrize("text", ["", ":", "A", "a:", "a:!", "a//b", "-a", "a@b", "a___b", "0" * 64, "a b"])
def test_malformed_references(text: str) -> None:
    with pytest.raises(InvalidArgument, match="invalid reference format"):
        parse_reference(text)


def test_comma_fields_with_quotes() -> None:
    assert fields_from_text('a,"b,c",d="e"'.replace('d="e"', '"d=""e"""')) == ["a", "b,c", 'd="e"']


@pytest.mark.parametrize("text", ["", 'a"b', '"a', '"a"b'])
def test_malformed_comma_fields(text: str) -> None:
    with pytest.raises(ValueError, match=r"EOF|parse error"):
        fields_from_text(text)
