"""Go's regular expressions and path patterns: what they match, what is none, and that nothing takes long."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.base.regular_expressions import regular_expression
from slipway.contracts.engine_api.path_patterns import path_pattern

NO_EXPRESSIONS = (
    *("(", ")", "[", "[a", "*", "+a", "a**", "a*+", "a{2}*", "a{3,2}", "a{1001}", "(a{100}){100}", r"\8", r"\e", "\\"),
    *("(?=a)", "(?!a)", "(?", "(?z)", "(?P<>a)", "[b-a]", "[[:nosuch:]]", r"\p{Nosuch}"),
    *("(" * 30 + ")" * 30, "a" * 2000),
)


@pytest.mark.parametrize(
    ("pattern", "text", "is_in"),
    [
        ("web", "my-web-1", True),
        ("^web$", "web", True),
        ("^web$", "xwebx", False),
        ("^/web$", "/web", True),
        ("", "anything", True),
        ("web|db", "the-db", True),
        ("^(web|db)-[0-9]+$", "db-17", True),
        ("^(web|db)-[0-9]+$", "db-", False),
        ("a.c", "abc", True),
        (r"a\.c", "abc", False),
        ("(?i)WEB", "web", True),
        ("(?i:W)eb", "wEb", False),
        ("(?P<name>we)b", "web", True),
        ("(?:we)+b", "wewewb", False),
        ("^a{2,3}$", "aaa", True),
        ("^a{2,3}$", "aaaa", False),
        ("^a{2}$", "aa", True),
        ("^a{2,}$", "aaaaa", True),
        ("a{,2}", "a{,2}", True),
        ("^[^a-c]$", "d", True),
        ("^[^a-c]$", "b", False),
        ("^[]a]$", "]", True),
        ("^[a-]$", "-", True),
        (r"^[\d_]+$", "1_2", True),
        ("^[[:alpha:]]+$", "abc", True),
        ("^[[:^alpha:]]+$", "abc", False),
        (r"\bweb\b", "a-web-b", True),
        (r"\bweb\b", "a_web_b", False),
        (r"\Bb", "web", True),
        (r"\Q.*\E$", "a.*", True),
        (r"^\x41\x{42}$", "AB", True),
        (r"^\pL+$", "äb", True),
        (r"^\P{Lu}$", "a", True),
        (r"\Aweb\z", "web", True),
        ("^a*?$", "aaa", True),
        ("^(?s).$", "\n", True),
        ("^.$", "\n", False),
        ("(?m)^b$", "a\nb", True),
        ("()", "", True),
    ],
)
def test_a_regular_expression_is_gos(pattern: str, text: str, is_in: bool) -> None:
    found = regular_expression(pattern)
    assert found is not None
    assert found.is_in(text) is is_in


@pytest.mark.parametrize("pattern", NO_EXPRESSIONS)
def test_what_is_no_regular_expression_of_go(pattern: str) -> None:
    assert regular_expression(pattern) is None


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*b", "(a|aa)+$", "^(([a-z])+.)+[A-Z]([a-z])+$", ".*.*.*.*.*x"])
def test_no_pattern_takes_long(pattern: str) -> None:
    """Python's own needs more than a lifetime for some of these."""
    found = regular_expression(pattern)
    assert found is not None
    assert not found.is_in("a" * 200 + "!")


@given(st.text("ab.|()*+?[]^$", max_size=10), st.text("ab", max_size=6))
def test_what_python_reads_the_same_way_matches_the_same(pattern: str, text: str) -> None:
    found = regular_expression(pattern)
    if found is None or "[" in pattern:  # classes are spelt differently
        return
    try:
        theirs = re.compile(pattern.replace("$", r"\Z"))
    except re.error:  # such as `^*`, which is one for Go
        return
    assert found.is_in(text) == (theirs.search(text) is not None)


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("nginx*", "nginx:latest", True),
        ("*", "nginx:latest", True),
        ("*", "user/nginx", False),
        ("*/*", "user/nginx", True),
        ("user/*:v?", "user/nginx:v1", True),
        ("ngin[x-z]", "nginx", True),
        ("ngin[^x]", "nginx", False),
        (r"\*", "*", True),
        ("ng", "nginx", False),
        ("", "nginx", False),
    ],
)
def test_a_path_pattern_is_gos(pattern: str, text: str, matches: bool) -> None:
    found = path_pattern(pattern)
    assert found is not None
    assert found.is_all_of(text) is matches


@pytest.mark.parametrize("pattern", ["[", "[]", "[a", "[-a]", "\\", "[a-]", "a" * 2000])
def test_what_is_no_path_pattern(pattern: str) -> None:
    assert path_pattern(pattern) is None
