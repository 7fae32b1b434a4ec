"""Lays JSON text out for people without reading its values: what the daemon wrote stays byte for byte between the
blanks.
"""

_BLANKS = " \t\r\n"


def indent_json(text: str, step: str = "    ") -> str:
    """One member or element per line; empty objects and arrays stay on theirs. `text` is valid JSON."""
    pieces: list[str] = []
    depth = 0
    position = 0
    while position < len(text):
        character = text[position]
        if character == '"':
            end = _string_end(text, position)
            pieces.append(text[position:end])
            position = end
            continue
        position += 1
        if character in _BLANKS:
            continue
        if character in "{[":
            following = _next_significant(text, position)
            if text[following : following + 1] in ("}", "]"):
                pieces.append(character + text[following])
                position = following + 1
                continue
            depth += 1
            pieces.append(f"{character}\n{step * depth}")
        elif character in "}]":
            depth -= 1
            pieces.append(f"\n{step * depth}{character}")
        elif character == ",":
            pieces.append(f",\n{step * depth}")
        else:
            pieces.append(": " if character == ":" else character)
    return "".join(pieces)


def compact_json(text: str) -> str:
    """The same without blanks between the values."""
    pieces = []
    position = 0
    while position < len(text):
        if text[position] == '"':
            end = _string_end(text, position)
            pieces.append(text[position:end])
            position = end
            continue
        if text[position] not in _BLANKS:
            pieces.append(text[position])
        position += 1
    return "".join(pieces)


def _string_end(text: str, start: int) -> int:
    position = start + 1
    while True:
        quote = text.index('"', position)
        backslashes = 0
        while text[quote - 1 - backslashes] == "\\":
            backslashes += 1
        if backslashes % 2 == 0:
            return quote + 1
        position = quote + 1


def _next_significant(text: str, position: int) -> int:
    while text[position] in _BLANKS:
        position += 1
    return position
