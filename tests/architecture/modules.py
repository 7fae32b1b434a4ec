"""The modules of slipway as their source shows them: names, imports, functions. Nothing is imported to find out."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from tests.support.paths import CHECKOUT

SOURCE = CHECKOUT / "src"
GENERATED = "slipway/contracts/containerd_api/generated"


@dataclass(frozen=True)
class Module:
    """One file below src/. `parts` are the names from `slipway` down; a package's own file has the package's name."""

    path: Path

    @property
    def relative(self) -> str:
        return str(self.path.relative_to(SOURCE))

    @property
    def parts(self) -> tuple[str, ...]:
        parts = self.path.relative_to(SOURCE).with_suffix("").parts
        return parts[:-1] if parts[-1] == "__init__" else parts

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.path.read_bytes(), filename=str(self.path))

    def imports(self, *, typing_too: bool = True) -> Iterator[tuple[str, int]]:
        """(absolute dotted name, line) of every import, also inside functions. `typing_too`: for checkers, too."""
        skipped = set() if typing_too else set(self._for_checkers_only())
        for node in ast.walk(self.tree):
            if node in skipped:
                continue
            if isinstance(node, ast.Import):
                yield from ((alias.name, node.lineno) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = self._base(node)
                yield from ((f"{base}.{alias.name}", node.lineno) for alias in node.names)

    def _base(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        package = self.parts if self.path.name == "__init__.py" else self.parts[:-1]
        above = package[: len(package) - node.level + 1]
        return ".".join([*above, *([node.module] if node.module else [])])

    def _for_checkers_only(self) -> Iterator[ast.AST]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
                for statement in node.body:
                    yield from ast.walk(statement)

    def functions(self) -> Iterator[tuple[str, int, int]]:
        """(name, line, number of lines) of every function and method."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node.name, node.lineno, (node.end_lineno or node.lineno) - node.lineno + 1


@cache
def every_module() -> tuple[Module, ...]:
    """All modules of slipway but the generated ones."""
    paths = sorted((SOURCE / "slipway").rglob("*.py"))
    return tuple(Module(path) for path in paths if not str(path.relative_to(SOURCE)).startswith(GENERATED))
