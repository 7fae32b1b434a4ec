"""One-line breakages of the engine, each with the system test that must notice it. `./dev sabotage` tries them."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Breakage:
    """Replace `old`, which stands exactly once in `file`, by `new`; then `test` (a pytest node) must fail."""

    name: str
    file: str
    old: str
    new: str
    test: str

    def apply(self, checkout: Path) -> None:
        """Break the copy at `checkout`. AssertionError when `old` is not there once: the list is out of date."""
        path = checkout / self.file
        text = path.read_text()
        assert text.count(self.old) == 1, f"{self.name}: {self.old!r} is {text.count(self.old)} times in {self.file}"
        path.write_text(text.replace(self.old, self.new))


ALL: tuple[Breakage, ...] = ()
