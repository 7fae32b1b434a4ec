"""All modules of one program in one file beside their sources, so that a start need not look for ninety.

`__pycache__/PROGRAM.TAG.modules` holds, for each module, what importlib keeps in a .pyc, and its source's time and
size. They are compared when it is imported: a module that has changed comes from its own file, as ever, and `keep`
writes the whole anew. A crash leaves the old file or the new one. Who can write there can write the .pyc files, too.
docs/decisions/cold-starts.md has the numbers.
"""

from __future__ import annotations

import marshal
import os
import sys

from slipway.base.files import read_whole, write_atomically

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import CodeType, ModuleType

_HEAD = b"slipway modules 1\n"  # raise it when what follows changes
_LIMIT = 64 * 1024 * 1024
_ModuleSpec = type(__spec__)  # importlib.machinery imports more than we save


class CompiledModules:
    """A finder and loader (importlib.abc) over one file; without the file it finds nothing."""

    __slots__ = ("_modules", "_path", "_stale")

    def __init__(self, path: str) -> None:
        self._path = path
        self._stale = False
        self._modules: dict[str, tuple[bool, str, int, int, bytes]] = {}
        try:
            content = read_whole(path, limit=_LIMIT)
        except OSError:
            content = b""
        if content.startswith(_HEAD):
            self._modules = marshal.loads(memoryview(content)[len(_HEAD) :])
        else:
            self._stale = True

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        kept = self._modules.get(name)
        if kept is None:
            return None
        is_package, origin, modified, size, _ = kept
        if _stamp(origin) != (modified, size):
            self._stale = True
            return None
        spec = _ModuleSpec(name, self, origin=origin, is_package=is_package)  # type: ignore[arg-type]  # a Loader by shape
        spec.has_location = True
        if spec.submodule_search_locations is not None:
            spec.submodule_search_locations.append(origin.rpartition("/")[0])
        return spec

    def create_module(self, spec: ModuleSpec) -> None:
        """None: as importlib makes them."""

    def exec_module(self, module: ModuleType) -> None:
        exec(self.get_code(module.__name__), module.__dict__)

    def get_code(self, name: str) -> CodeType:
        code: CodeType = marshal.loads(self._modules[name][4])
        return code

    def keep(self, load_all: Callable[[], None]) -> None:
        """If a module was missing or had changed, write the file from what is imported after `load_all()`.

        Where it cannot be written, nothing is lost but the time of the next start.
        """
        if not self._stale:
            return
        load_all()
        try:
            write_atomically(self._path, _HEAD + marshal.dumps(_imported()), mode=0o644, durable=False)
        except OSError:
            return


def use(program: str) -> CompiledModules:
    """Put the program's file in front of all other ways to import."""
    folder = __file__.rpartition("/")[0]
    found = CompiledModules(f"{folder}/__pycache__/{program}.{sys.implementation.cache_tag}.modules")
    sys.meta_path.insert(0, found)
    return found


def _imported() -> dict[str, tuple[bool, str, int, int, bytes]]:
    modules = {}
    for name, module in tuple(sys.modules.items()):
        spec = getattr(module, "__spec__", None)
        if name == "__main__" or spec is None or not (spec.origin or "").endswith(".py"):
            continue
        stamp = _stamp(spec.origin)  # before the code is read: a change in between shows the next time
        if stamp is not None:
            code = marshal.dumps(spec.loader.get_code(name))
            modules[name] = (spec.submodule_search_locations is not None, spec.origin, *stamp, code)
    return modules


def _stamp(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
