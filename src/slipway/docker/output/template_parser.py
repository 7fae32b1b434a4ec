"""Parses the part of Go's text/template that --format takes, into a tree of small nodes. Pure; errors use Go's words.

text {{.Field.Sub}} {{json .X | upper}} {{range $i, $x := .List}}..{{else}}..{{end}} {{if and .A (not .B)}}..{{end}}
"""

from slipway.base.errors import InvalidArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")
_NAME = _LETTERS | frozenset("0123456789")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_BLANK = " \t\r\n"


class TemplateError(InvalidArgument):
    """The template is malformed, or does not fit its data. The message is Go's, without the program's own prefix."""


class Node:
    """One part of a template. `kind` says which; `position` is its offset in the source, for messages.

    text: value · pipe: names, commands · command: arguments · field/variable: value, names · chain: body, names ·
    literal: value · function: value · if/with/range: pipe, body, otherwise · break/continue.
    """

    __slots__ = ("body", "kind", "names", "otherwise", "pipe", "position", "source", "value")

    def __init__(self, kind: str, position: int, **parts: "Any") -> None:
        self.kind = kind
        self.position = position
        self.value: Any = parts.get("value")
        self.names: tuple[str, ...] = parts.get("names", ())
        self.pipe: Any = parts.get("pipe")
        self.body: Any = parts.get("body")
        self.otherwise: Any = parts.get("otherwise", ())
        self.source: str = parts.get("source", "")


class Token:
    __slots__ = ("kind", "position", "text")

    def __init__(self, kind: str, text: str, position: int) -> None:
        self.kind = kind
        self.text = text
        self.position = position


def parse_template(source: str, functions: "frozenset[str]") -> list[Node]:
    """The nodes of a template; raises TemplateError. A name that is not in `functions` is refused here, as Go does."""
    return _Parser(source, functions).parse()


class _Parser:
    def __init__(self, source: str, functions: frozenset[str]) -> None:
        self.source = source
        self.functions = functions
        self.actions = _split_actions(source)
        self.index = 0
        self.tokens: list[Token] = []
        self.token = 0

    def parse(self) -> list[Node]:
        nodes, end = self.parse_list(allowed=())
        if end is not None:
            raise self.error(f"unexpected {{{{{end}}}}}")
        return nodes

    def parse_list(self, allowed: tuple[str, ...]) -> tuple[list[Node], str | None]:
        """Nodes up to the `end` or `else` that closes them; which of the two is the second value."""
        nodes: list[Node] = []
        while self.index < len(self.actions):
            kind, text, position = self.actions[self.index]
            self.index += 1
            if kind == "text":
                if text:
                    nodes.append(Node("text", position, value=text))
                continue
            self.tokens = _tokenize(self.source, text, position)
            self.token = 0
            if not self.tokens:
                raise self.error("missing value for command")
            keyword = self.tokens[0].text if self.tokens[0].kind == "name" else ""
            if keyword in ("end", "else"):
                if keyword not in allowed:
                    raise self.error(f"unexpected {{{{{keyword}}}}}")
                self.token = 1
                return nodes, keyword
            nodes.append(self.parse_action(keyword))
        if allowed:
            raise self.error("unexpected EOF")
        return nodes, None

    def parse_action(self, keyword: str) -> Node:
        position = self.tokens[0].position
        if keyword in ("if", "with", "range"):
            self.token = 1
            return self.parse_control(keyword, position)
        if keyword in ("break", "continue"):
            return Node(keyword, position)
        if keyword in ("template", "define", "block"):
            raise self.error(f"{{{{{keyword}}}}} is not supported")
        return self.parse_pipe()

    def parse_control(self, keyword: str, position: int) -> Node:
        pipe = self.parse_pipe(context=keyword)
        body, end = self.parse_list(allowed=("end", "else"))
        otherwise: list[Node] = []
        if end == "else":
            if self.token < len(self.tokens):  # {{else if ...}} is a nested {{if}} without an {{end}} of its own
                chained = self.tokens[self.token]
                self.token += 1
                otherwise = [self.parse_control(chained.text, chained.position)]
            else:
                otherwise, _ = self.parse_list(allowed=("end",))
        return Node(keyword, position, pipe=pipe, body=body, otherwise=otherwise)

    def parse_pipe(self, context: str = "command", *, closer: str = "") -> Node:
        start = self.peek().position if self.peek() else len(self.source)
        names = self.parse_declaration()
        commands = []
        while True:
            commands.append(self.parse_command(context, closer))
            token = self.peek()
            if token is None or token.kind != "|":
                break
            self.token += 1
        if closer:
            if self.peek() is None or self.peek().text != closer:
                raise self.error("unclosed left paren")
            self.token += 1
        elif self.peek() is not None:
            raise self.error(f"unexpected {_shown(self.peek())} in {context}")
        return Node("pipe", start, names=names, body=commands)

    def parse_declaration(self) -> tuple[str, ...]:
        """`$x :=` or `$i, $x :=` in front of a pipeline."""
        names = []
        at = self.token
        while at < len(self.tokens) and self.tokens[at].kind == "variable":
            names.append(self.tokens[at].text)
            following = self.tokens[at + 1].kind if at + 1 < len(self.tokens) else ""
            if following in (":=", "="):
                self.token = at + 2
                return tuple(names)
            if following != ",":
                return ()
            at += 2
        return ()

    def parse_command(self, context: str, closer: str) -> Node:
        arguments = []
        position = self.peek().position if self.peek() else len(self.source)
        while (token := self.peek()) is not None and token.kind != "|" and token.text != (closer or "\0"):
            if token.kind == ")":
                raise self.error("unexpected right paren")
            arguments.append(self.parse_operand())
        if not arguments:
            raise self.error(f"missing value for {context}")
        return Node("command", position, body=arguments, source=" ".join(argument.source for argument in arguments))

    def parse_operand(self) -> Node:
        token = self.peek()
        self.token += 1
        node = self.parse_pipe(closer=")") if token.kind == "(" else self.simple_operand(token)
        names: list[str] = []
        while (
            (following := self.peek()) is not None and following.kind == "field" and not self.is_after_blank(following)
        ):
            if not names:
                node.position = following.position  # where Go reports a chain of fields
            names.append(following.text[1:])
            self.token += 1
        if not names:
            return node
        if node.kind in ("field", "variable"):
            node.names += tuple(names)
            node.source += "".join("." + name for name in names)
            return node
        return Node("chain", node.position, body=node, names=tuple(names))

    def simple_operand(self, token: Token) -> Node:
        if token.kind == "field":
            names = (token.text[1:],) if token.text != "." else ()
            return Node("field", token.position, names=names, source=token.text)
        if token.kind == "variable":
            return Node("variable", token.position, value=token.text, source=token.text)
        if token.kind == "literal":
            return Node("literal", token.position, value=_literal(token.text), source=token.text)
        if token.kind == "name":
            return self.name_operand(token)
        raise self.error(f"unexpected {_shown(token)} in operand")

    def name_operand(self, token: Token) -> Node:
        if token.text in ("true", "false"):
            return Node("literal", token.position, value=token.text == "true", source=token.text)
        if token.text == "nil":
            return Node("literal", token.position, value=None, source="nil")
        if token.text not in self.functions:
            raise self.error(f'function "{token.text}" not defined')
        return Node("function", token.position, value=token.text, source=token.text)

    def is_after_blank(self, token: Token) -> bool:
        return self.source[token.position - 1] in _BLANK

    def peek(self) -> "Any":
        return self.tokens[self.token] if self.token < len(self.tokens) else None

    def error(self, message: str) -> TemplateError:
        at = self.tokens[min(self.token, len(self.tokens) - 1)].position if self.tokens else 0
        line = self.source.count("\n", 0, at) + 1
        return TemplateError(f"template: :{line}: {message}")


def _split_actions(source: str) -> list[tuple[str, str, int]]:
    """Alternating ("text", ...) and ("action", inside of {{ }}, offset), with {{- and -}} applied and comments gone."""
    parts: list[tuple[str, str, int]] = []
    position = 0
    trim_next = False
    while True:
        start = source.find("{{", position)
        text = source[position:] if start < 0 else source[position:start]
        if trim_next:
            text = text.lstrip(_BLANK)
        if start < 0:
            parts.append(("text", text, position))
            return parts
        inner = start + 2
        if source[inner : inner + 1] == "-" and source[inner + 1 : inner + 2] in _BLANK:
            text = text.rstrip(_BLANK)
            inner += 1
        parts.append(("text", text, position))
        end = _action_end(source, inner)
        position = end + 2
        trim_next = source[end - 1] == "-" and end - 1 > inner and source[end - 2] in _BLANK
        content = source[inner : end - 1] if trim_next else source[inner:end]
        if not content.lstrip(_BLANK).startswith("/*"):
            parts.append(("action", content, inner))


def _action_end(source: str, start: int) -> int:
    """Where `}}` closes the action that begins at `start`; braces inside quotes do not count."""
    position = start
    line = source.count("\n", 0, start) + 1
    while position < len(source):
        character = source[position]
        if source.startswith("}}", position):
            return position
        if character in "\"'`":
            position = _quote_end(source, position, line)
        else:
            position += 1
    raise TemplateError(f"template: :{line}: unclosed action")


def _quote_end(source: str, start: int, line: int) -> int:
    quote = source[start]
    position = start + 1
    while position < len(source) and source[position] != quote:
        if source[position] == "\n" and quote != "`":
            break
        position += 2 if source[position] == "\\" and quote != "`" else 1
    if position >= len(source) or source[position] != quote:
        kind = {"`": "raw quoted string", '"': "quoted string", "'": "character constant"}[quote]
        raise TemplateError(f"template: :{line}: unterminated {kind}")
    return position + 1


def _tokenize(source: str, content: str, offset: int) -> list[Token]:
    tokens = []
    position, end = offset, offset + len(content)
    line = source.count("\n", 0, offset) + 1
    while position < end:
        character = source[position]
        start = position
        if character in _BLANK:
            position += 1
            continue
        if character in "\"'`":
            position = _quote_end(source, position, line)
            kind = "literal"
        elif character in "|(),":
            position += 1
            kind = character
        elif source.startswith(":=", position):
            position += 2
            kind = ":="
        elif character == "=":
            position += 1
            kind = "="
        else:
            kind, position = _word_token(source, position, end, line)
        tokens.append(Token(kind, source[start:position], start))
    return tokens


def _word_token(source: str, start: int, end: int, line: int) -> tuple[str, int]:
    character = source[start]
    following = source[start + 1 : start + 2]
    is_number = character.isdigit() or (character in "+-." and following.isdigit())
    position = start + 1
    while position < end and (source[position] in _NAME or (is_number and source[position] in ".+-")):
        position += 1
    if is_number:
        return "literal", position
    if character in ".$":
        return ("field" if character == "." else "variable"), position
    if character in _LETTERS:
        return "name", position
    raise TemplateError(f"template: :{line}: unexpected {character!r} in command")


def _literal(text: str) -> object:
    if text[0] == "`":
        return text[1:-1]
    if text[0] == '"':
        return _unescape(text[1:-1])
    if text[0] == "'":
        return ord(_unescape(text[1:-1]))
    try:
        return int(text, 0)
    except ValueError:
        return float(text)


def _unescape(text: str) -> str:
    pieces = []
    position = 0
    while position < len(text):
        character = text[position]
        if character != "\\":
            pieces.append(character)
            position += 1
            continue
        escape = text[position + 1]
        width = {"x": 2, "u": 4, "U": 8}.get(escape)
        if width:
            pieces.append(chr(int(text[position + 2 : position + 2 + width], 16)))
            position += 2 + width
        else:
            pieces.append(_ESCAPES.get(escape, escape))
            position += 2
    return "".join(pieces)


def _shown(token: Token) -> str:
    return f"<{token.text}>" if token.kind != "literal" else token.text
