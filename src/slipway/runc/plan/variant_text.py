"""Values of D-Bus as people write them: GVariant's text format, as far as annotations need it. Pure.

`true`, `5`, `uint64 5`, `'text'`, `b'bytes'`, `['a', 'b']`, `@au [1, 2]`, `{'key': <5>}`. Numbers are int32, or double
with a point or an exponent, unless a type stands before them. There are no tuples, as with the original's reader.
Source: docs.gtk.org/glib/gvariant-text-format.html.
"""

from slipway.base.errors import InvalidArgument
from slipway.wire.dbus_values import DecodeError, EncodeError, Variant, encode_values, split_signature

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.wire.dbus_values import Value

_TYPES = {
    "boolean": "b",
    "byte": "y",
    "int16": "n",
    "uint16": "q",
    "int32": "i",
    "uint32": "u",
    "int64": "x",
    "uint64": "t",
    "double": "d",
    "string": "s",
    "objectpath": "o",
    "signature": "g",
}
_DIGITS = "0123456789"
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\n": ""}
_HEXADECIMAL = {"u": 4, "U": 8}
_DEEPEST = 16


def variant_from_text(text: str) -> Variant:
    """Raises InvalidArgument saying what was expected and where."""
    reader = _Text(text)
    value = reader.value("", 0)
    reader.end()
    try:
        encode_values("v", [value])
    except (EncodeError, DecodeError) as error:
        raise InvalidArgument(f"cannot read {text!r} as a value: {error}") from None
    return value


class _Text:
    __slots__ = ("_place", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._place = 0

    def _refuse(self, expected: str) -> InvalidArgument:
        return InvalidArgument(f"cannot read {self._text!r} as a value: expected {expected} at {self._place}")

    def _peek(self) -> str:
        while self._text[self._place : self._place + 1].isspace():
            self._place += 1
        return self._text[self._place : self._place + 1]

    def _take(self, wanted: str) -> bool:
        if self._peek() != wanted:
            return False
        self._place += 1
        return True

    def _word(self, letters: str) -> str:
        begin = self._place
        while self._text[self._place : self._place + 1] and self._text[self._place] in letters:
            self._place += 1
        return self._text[begin : self._place]

    def end(self) -> None:
        if self._peek():
            raise self._refuse("the end")

    def value(self, kind: str, depth: int) -> Variant:
        """The value that comes next, of type `kind` if that is given."""
        if depth > _DEEPEST:
            raise self._refuse("a value that is nested less deeply")
        letter = self._peek()
        if letter == "@" or (
            letter.isalpha() and not self._text.startswith(("true", "false", "b'", 'b"'), self._place)
        ):
            return self.value(self._type(kind), depth)
        if letter == "[":
            return self._array(kind, depth)
        if letter == "{":
            return self._dictionary(kind, depth)
        if letter == "<":
            return self._boxed(kind, depth)
        if letter in ("'", '"'):
            return Variant(self._chosen(kind, "s", "sog"), self._quoted())
        if letter == "b":
            self._place += 1
            text = self._quoted()
            try:
                return Variant(self._chosen(kind, "ay", ("ay",)), text.encode("latin-1") + b"\0")
            except UnicodeEncodeError:
                raise self._refuse("bytes") from None
        if letter in ("t", "f"):
            word = "true" if letter == "t" else "false"
            self._place += len(word)
            return Variant(self._chosen(kind, "b", "b"), word == "true")
        if letter and letter in "+-" + _DIGITS:
            return self._number(kind)
        raise self._refuse("a value")

    def _type(self, kind: str) -> str:
        if kind:
            raise self._refuse(f"a value of type {kind!r}")
        begin = self._place
        while self._text[self._place : self._place + 1].strip():
            self._place += 1
        word = self._text[begin : self._place]
        try:
            chosen = word[1:] if word.startswith("@") else _TYPES.get(word, "")
            if len(split_signature(chosen)) == 1:
                return chosen
        except DecodeError:
            pass
        self._place = begin
        raise self._refuse("a type")

    def _chosen(self, kind: str, default: str, allowed: "str | tuple[str, ...]") -> str:
        if kind and kind not in allowed:
            raise self._refuse(f"a value of type {kind!r}")
        return kind or default

    def _number(self, kind: str) -> Variant:
        begin = self._place
        word = self._word("+-.xX" + _DIGITS + "abcdefABCDEF")
        try:
            hexadecimal = word.lstrip("+-").lower().startswith("0x")
            if kind == "d" or (not kind and not hexadecimal and set(word) & set(".eE")):
                return Variant("d", float(word))
            return Variant(self._chosen(kind, "i", "ynqiuxt"), _integer(word))
        except ValueError:
            self._place = begin
            raise self._refuse("a number") from None

    def _quoted(self) -> str:
        quote = self._peek()
        self._place += 1
        out = ""
        while True:
            letter = self._text[self._place : self._place + 1]
            if not letter:
                raise self._refuse(f"a closing {quote}")
            self._place += 1
            if letter == quote:
                return out
            out += self._escape() if letter == "\\" else letter

    def _escape(self) -> str:
        letter = self._text[self._place : self._place + 1]
        self._place += 1
        size = _HEXADECIMAL.get(letter, 0)
        if not size:
            return _ESCAPES.get(letter, letter)
        digits = self._text[self._place : self._place + size]
        try:
            if len(digits) != size or not digits.isalnum():
                raise ValueError
            character = chr(int(digits, 16))
        except (ValueError, OverflowError):
            raise self._refuse(f"{size} hexadecimal digits of a character") from None
        self._place += size
        return character

    def _array(self, kind: str, depth: int) -> Variant:
        """Elements without a type take that of the first one; an empty array needs one from outside."""
        self._take("[")
        element = kind[1:] if kind[:1] == "a" else ""
        if kind and not element:
            raise self._refuse(f"a value of type {kind!r}")
        items: list[Value] = []
        while not self._take("]"):
            if items and not self._take(","):
                raise self._refuse("',' or ']'")
            item = self.value(element, depth + 1) if not element else self._of_type(element, depth + 1)
            element = item.signature
            items.append(item.value)
        if not element:
            raise self._refuse("a type before an empty array")
        return Variant(f"a{element}", items)

    def _of_type(self, kind: str, depth: int) -> Variant:
        """A value of that type, which may say so itself."""
        if self._peek() == "@" or (self._peek().isalpha() and self._type_follows()):
            item = self.value("", depth)
            if item.signature != kind:
                raise self._refuse(f"a value of type {kind!r}")
            return item
        return self.value(kind, depth)

    def _type_follows(self) -> bool:
        end = self._place
        while self._text[end : end + 1].isalnum():
            end += 1
        return self._text[self._place : end] in _TYPES

    def _dictionary(self, kind: str, depth: int) -> Variant:
        self._take("{")
        if kind and not kind.startswith("a{"):
            raise self._refuse(f"a value of type {kind!r}")
        key_kind, value_kind = (kind[2], kind[3:-1]) if kind else ("", "")
        items: list[Value] = []
        while not self._take("}"):
            if items and not self._take(","):
                raise self._refuse("',' or '}'")
            key = self._of_type(key_kind, depth + 1) if key_kind else self.value("", depth + 1)
            if not self._take(":"):
                raise self._refuse("':'")
            value = self._of_type(value_kind, depth + 1) if value_kind else self.value("", depth + 1)
            key_kind, value_kind = key.signature, value.signature
            items.append((key.value, value.value))
        if not key_kind:
            raise self._refuse("a type before an empty dictionary")
        return Variant(f"a{{{key_kind}{value_kind}}}", items)

    def _boxed(self, kind: str, depth: int) -> Variant:
        self._take("<")
        inner = self.value("", depth + 1)
        if not self._take(">"):
            raise self._refuse("'>'")
        return Variant(self._chosen(kind, "v", "v"), inner)


def _integer(word: str) -> int:
    """Decimal, hexadecimal after 0x, octal after 0. Raises ValueError."""
    sign = -1 if word.startswith("-") else 1
    digits = word[1:] if word[:1] in ("+", "-") else word
    base, allowed = 10, _DIGITS
    if digits[:2] == "0x":
        base, digits, allowed = 16, digits[2:], _DIGITS + "abcdefABCDEF"
    elif digits[:1] == "0" and len(digits) > 1:
        base, digits, allowed = 8, digits[1:], _DIGITS[:8]
    if not digits or not set(digits) <= set(allowed):
        raise ValueError
    return sign * int(digits, base)
