"""Values of D-Bus written in annotations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from slipway.base.errors import InvalidArgument
from slipway.runc.plan.variant_text import variant_from_text
from slipway.wire.dbus_values import Variant

if TYPE_CHECKING:
    from slipway.wire.dbus_values import Value


@pytest.mark.parametrize(
    ("text", "signature", "value"),
    [
        ("true", "b", True),
        (" false ", "b", False),
        ("5", "i", 5),
        ("-0x10", "i", -16),
        ("010", "i", 8),
        ("0", "i", 0),
        ("5.5", "d", 5.5),
        ("1e+3", "d", 1000.0),
        ("double 5", "d", 5.0),
        ("byte 0xe", "y", 14),
        ("uint64 123456789", "t", 123456789),
        ("int64 -1", "x", -1),
        ("@q 7", "q", 7),
        ("'a \"b\" \\n\\'\\u00e9\\U0001f600\\q'", "s", 'a "b" \n\'é😀q'),
        ('"x"', "s", "x"),
        ("objectpath '/a'", "o", "/a"),
        ("b'ab'", "ay", b"ab\0"),
        ("['a', 'b']", "as", ["a", "b"]),
        ("[uint32 1, 2, uint32 3]", "au", [1, 2, 3]),
        ("@as []", "as", []),
        ("@aau [[1], []]", "aau", [[1], []]),
        ("{'k': <5>, 'l': <true>}", "a{sv}", [("k", Variant("i", 5)), ("l", Variant("b", True))]),
        ("@a{sv} {}", "a{sv}", []),
        ("@a{st} {'k': 5}", "a{st}", [("k", 5)]),
        ("<<'a'>>", "v", Variant("v", Variant("s", "a"))),
        ("[[true], [false]]", "aab", [[True], [False]]),
    ],
)
def test_a_value_is_read(text: str, signature: str, value: Value) -> None:
    assert variant_from_text(text) == Variant(signature, value)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "word",
            "@",
            "@z 5",
            "5 6",
            "truex",
            "'open",
            "'\\u12'",
            "'\\uzzzz'",
            "'\\U00ffffff'",
            "1_0",
            "0x",
            "09",
            "+",
        ),
        *(
            "1e",
            "byte 256",
            "uint32 -1",
            "uint64 uint64 5",
            "string 5",
            "boolean 'x'",
            "@s [1]",
            "@s {'a': 1}",
            "@s <1>",
        ),
        *("[]", "{}", "[1, 'a']", "[1 2]", "[1,]", "['a', uint32 1]", "{'a' 1}", "{'a': 1 'b': 2}", "<1", "(1, 2)"),
        *("[" * 50, "b'\U0001f600'", "@s b'a'", "@a{sv} [1]", "@au {'a': 1}", "'\\ud800'"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(InvalidArgument, match="cannot read"):
        variant_from_text(text)
