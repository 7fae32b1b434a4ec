"""Runs --format templates: over JSON documents (inspect), table rows (ps), and table headers."""

from slipway.docker.output.inspected import is_optional, nil_of
from slipway.docker.output.template_functions import FUNCTIONS, HEADER_FUNCTIONS, FunctionError
from slipway.docker.output.template_parser import Node, TemplateError, parse_template
from slipway.docker.output.template_values import MISSING, Missing, Row, is_true, pairs, show, type_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

__all__ = ["Row", "Template", "TemplateError"]

_NAMES = frozenset(FUNCTIONS)


class _Break(Exception):
    pass


class _Continue(Exception):
    pass


class Template:
    """A parsed template. `render` may be called for any number of values; it never changes them."""

    __slots__ = ("_nodes", "_source")

    def __init__(self, source: str) -> None:
        """Raises TemplateError where `source` is malformed."""
        self._source = source
        self._nodes = parse_template(source, _NAMES)

    def render(self, value: object, *, allow_missing: bool = False) -> str:
        """The template's text for `value`.

        A member that an object lacks raises TemplateError; with `allow_missing` it prints as <no value>.
        """
        run = _Run(self._source, value, FUNCTIONS, allow_missing=allow_missing)
        run.execute(self._nodes, value)
        return "".join(run.output)

    def render_header(self, titles: "Mapping[str, str]") -> str:
        """The template's text for a table's header; {{.Label "a.b"}} gives `b`."""
        label: dict[str, Callable[..., Any]] = {"Label": _label_title}
        row = Row("header", {name: title.__str__ for name, title in titles.items()}, label)
        run = _Run(self._source, row, HEADER_FUNCTIONS, allow_missing=True)
        run.execute(self._nodes, row)
        return "".join(run.output)


def _label_title(name: str) -> str:
    return name.rpartition(".")[2].replace("-", " ").replace("_", " ")


class _Run:
    def __init__(
        self, source: str, root: object, functions: "Mapping[str, Callable[..., Any]]", *, allow_missing: bool
    ) -> None:
        self.source = source
        self.functions = functions
        self.allow_missing = allow_missing
        self.output: list[str] = []
        self.scopes: list[dict[str, object]] = [{"$": root}]

    def execute(self, nodes: "Sequence[Node]", dot: object) -> None:
        for node in nodes:
            if node.kind == "text":
                self.output.append(node.value)
            elif node.kind == "pipe":
                value = self.pipe(node, dot)
                if not node.names:
                    self.output.append(show(value))
            elif node.kind == "range":
                self.run_range(node, dot)
            elif node.kind == "break":
                raise _Break
            elif node.kind == "continue":
                raise _Continue
            else:
                self.run_condition(node, dot)

    def run_condition(self, node: Node, dot: object) -> None:
        self.scopes.append({})
        value = self.pipe(node.pipe, dot)
        if is_true(value):
            self.execute(node.body, value if node.kind == "with" else dot)
        else:
            self.execute(node.otherwise, dot)
        self.scopes.pop()

    def run_range(self, node: Node, dot: object) -> None:
        value = self.pipe(node.pipe, dot, declare=False)
        elements = pairs(value)
        if elements is None:
            raise self.error(node.pipe, f"range can't iterate over {show(value)}", show(value))
        names = node.pipe.names
        depth = len(self.scopes)
        count = 0
        for key, element in elements:
            count += 1
            self.scopes.append(dict(zip(names, (key, element) if len(names) == 2 else (element,), strict=False)))
            try:
                self.execute(node.body, element)
            except _Continue:
                continue
            except _Break:
                break
            finally:
                del self.scopes[depth:]
        if not count:
            self.execute(node.otherwise, dot)

    def pipe(self, node: Node, dot: object, *, declare: bool = True) -> object:
        value: object = MISSING
        for index, command in enumerate(node.body):
            value = self.command(command, dot, (value,) if index else ())
        if declare:
            for name in node.names:
                self.scopes[-1][name] = value
        return value

    def command(self, node: Node, dot: object, final: "tuple[object, ...]") -> object:
        first, *rest = node.body
        if first.kind == "function":
            if first.value in ("and", "or"):
                return self.short_circuit(first.value, rest, dot, final)
            arguments = [self.operand(each, dot) for each in rest]
            return self.call(first, [*arguments, *final], node.source)
        if rest or final:
            if first.kind == "field" and first.names:
                return self.method(first, dot, [self.operand(each, dot) for each in rest] + list(final))
            raise self.error(first, f"can't give argument to non-function {first.source}", first.source)
        return self.operand(first, dot)

    def short_circuit(self, name: str, rest: "list[Node]", dot: object, final: "tuple[object, ...]") -> object:
        value: object = MISSING
        for each in rest:
            value = self.operand(each, dot)
            if is_true(value) == (name == "or"):
                return value
        return final[0] if final else value

    def call(self, node: Node, arguments: "list[object]", shown: str = "") -> object:
        shown = shown or node.source
        try:
            return self.functions[node.value](*arguments)
        except FunctionError as error:
            raise self.error(node, str(error), shown) from None
        except (TypeError, AttributeError) as error:
            raise self.error(node, f"wrong type or number of args for {node.value}", shown) from error

    def method(self, node: Node, dot: object, arguments: "list[object]") -> object:
        name = node.names[-1]
        owner = self.members(node, dot, node.names[:-1])
        if isinstance(owner, Row) and name in owner.methods:
            return owner.methods[name](*arguments)
        raise self.error(node, f"{name} has arguments but cannot be invoked as function", node.source)

    def operand(self, node: Node, dot: object) -> object:
        if node.kind == "field":
            return self.members(node, dot, node.names)
        if node.kind == "literal":
            return node.value
        if node.kind == "variable":
            return self.members(node, self.variable(node), node.names)
        if node.kind == "chain":
            return self.members(node, self.operand(node.body, dot), node.names)
        if node.kind == "pipe":
            return self.pipe(node, dot)
        return self.call(node, [])

    def variable(self, node: Node) -> object:
        for scope in reversed(self.scopes):
            if node.value in scope:
                return scope[node.value]
        raise self.error(node, f'undefined variable "{node.value}"', node.source)

    def members(self, node: Node, value: object, names: "Sequence[str]") -> object:
        previous = ""
        for name in names:
            value = self.member(node, value, name, previous)
            previous = name
        return value

    def member(self, node: Node, value: object, name: str, previous: str) -> object:
        if isinstance(value, Row):
            if name in value.columns:
                return value.columns[name]()
            if self.allow_missing:
                return MISSING
        elif isinstance(value, dict):
            if name in value:
                return nil_of(name) if value[name] is None else value[name]
            if is_optional(name, value):
                return nil_of(name)
            if self.allow_missing:
                return MISSING
            raise self.error(node, f'map has no entry for key "{name}"', node.source)
        elif value is None or isinstance(value, Missing):
            if self.allow_missing:
                return MISSING
            if previous:
                raise self.error(node, f'map has no entry for key "{previous}"', node.source)
            raise self.error(node, f'nil data; no entry for key "{name}"', node.source)
        raise self.error(node, f"can't evaluate field {name} in type {type_name(value)}", node.source)

    def error(self, node: Node, message: str, shown: str) -> TemplateError:
        before = self.source[: node.position]
        line = before.count("\n") + 1
        column = len(before) - before.rfind("\n") - 1
        return TemplateError(f'template: :{line}:{column}: executing "" at <{shown}>: {message}')
