"""One line of comma-separated fields with quotes, as --mount, --network and --gpus take it (RFC 4180). Pure."""


def fields_from_text(text: str) -> list[str]:
    """Split `a,"b,c",d`; raises ValueError at a stray quote or an empty line."""
    if not text.strip("\r\n"):
        raise ValueError("EOF")
    fields = []
    position = 0
    while True:
        if text.startswith('"', position):
            field, position = _quoted_field(text, position + 1)
        else:
            end = text.find(",", position)
            end = len(text) if end < 0 else end
            field = text[position:end]
            if '"' in field:
                column = position + field.index('"') + 1
                raise ValueError(f'parse error on line 1, column {column}: bare " in non-quoted-field')
            position = end
        fields.append(field)
        if position >= len(text):
            return fields
        position += 1


def _quoted_field(text: str, start: int) -> tuple[str, int]:
    pieces = []
    position = start
    while True:
        end = text.find('"', position)
        if end < 0:
            raise ValueError(f'parse error on line 1, column {len(text) + 1}: extraneous or missing " in quoted-field')
        pieces.append(text[position:end])
        following = text[end + 1 : end + 2]
        if following == '"':
            pieces.append('"')
            position = end + 2
            continue
        if following not in ("", ","):
            raise ValueError(f'parse error on line 1, column {end + 1}: extraneous or missing " in quoted-field')
        return "".join(pieces), end + 1
