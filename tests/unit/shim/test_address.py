"""Where a stream leads, from its name."""

import pytest

from slipway.base.errors import InvalidArgument
from slipway.shim.stdio.address import address_from_name, name_of_file


@pytest.mark.parametrize(
    ("name", "scheme", "path"),
    [
        ("/run/x/stdout", "fifo", "/run/x/stdout"),
        ("/run/100%/a?b#c", "fifo", "/run/100%/a?b#c"),  # no URI: as it is
        ("fifo:///run/x/stdout", "fifo", "/run/x/stdout"),
        ("file:///var/log/a%20b.log", "file", "/var/log/a b.log"),
        ("file:///var/log/x?maximum=5#part", "file", "/var/log/x"),
        ("binary:///usr/bin/log%67er?a=b", "binary", "/usr/bin/logger"),
    ],
)
def test_a_name_says_where_a_stream_leads(name: str, scheme: str, path: str) -> None:
    address = address_from_name(name)
    assert (address.scheme, address.path) == (scheme, path)


@pytest.mark.parametrize(
    ("query", "arguments"),
    [
        ("", []),
        ("?", []),
        ("?a=b&c=d", ["a", "b", "c", "d"]),
        ("?flag", ["flag", ""]),
        ("?flag=", ["flag", ""]),
        ("?a=1&a=2", ["a", "1"]),
        ("?name=two+words&path=%2Fa%2Fb%3Dc", ["name", "two words", "path", "/a/b=c"]),
        ("?a=%C3%A9&b=%FF", ["a", "\u00e9", "b", "\udcff"]),
    ],
)
def test_a_programs_arguments_are_keys_and_first_values(query: str, arguments: list[str]) -> None:
    assert address_from_name(f"binary:///bin/logger{query}").arguments == arguments


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("npipe:////./pipe/x", "unknown STDIO scheme npipe"),
        ("http://host/x", "unknown STDIO scheme http"),
        ("://x", "unknown STDIO scheme $"),
        ("file://relative/path", "has no absolute path"),
        ("binary://?a=b", "has no absolute path"),
        ("file:///x%zz", "is not URL encoded"),
        ("file:///x%4", "is not URL encoded"),
        ("file:///x%+1", "is not URL encoded"),
        ("binary:///x?a=%00", "holds a NUL"),
    ],
)
def test_what_leads_nowhere_is_refused_in_one_sentence(name: str, words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        address_from_name(name)


@pytest.mark.parametrize("path", ["/a", "/a%20b", "/50%", "/what?#", "/\u00e9+ "])
def test_a_files_name_leads_to_it(path: str) -> None:
    address = address_from_name(name_of_file(path))
    assert (address.scheme, address.path) == ("file", path)
