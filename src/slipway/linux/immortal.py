"""Objects that forked processes go on sharing: nobody counts references to them any more.

A count that goes up and down leaves an object as it was, but its page is then the process's own. Since Python 3.12 an
object whose count has a certain value is not counted (PEP 683): None, small numbers and the names in code are made so.
There is no call for others, so we write such a value into their count. What is immortal is never freed: this is for a
process that has loaded all it will need. docs/decisions/shim-template.md has the numbers.
"""

import ctypes
import gc
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType

# An implementation detail (Include/refcount.h): an interpreter that we have not seen is left alone. 3.14 takes a range
# for immortal, and takes references away without a look that were given before: the value lies in the middle.
_VALUES = {(3, 12): 0xFFFFFFFF, (3, 13): 0xFFFFFFFF, (3, 14): 0xE0000000}


def make_all_immortal() -> int:
    """Every object that is alive now; how many there are. 0, with nothing changed, where the interpreter has no such.

    For a process of one thread, before it forks.
    """
    value = _value()
    if not value or not _works(value):
        return 0
    found = _reachable(gc.get_objects())
    for address in found:
        _count(address).value = value
    return len(found)


def _value() -> int:
    is_known = sys.implementation.name == "cpython" and sys.byteorder == "little" and sys.maxsize > 1 << 32
    if not is_known or "t" in sys.abiflags:  # without the lock, counts are kept in another way
        return 0
    return _VALUES.get(sys.version_info[:2], 0)


def _count(address: int) -> "ctypes.c_uint32":
    """The half of an object's reference count that is counted."""
    return ctypes.c_uint32.from_address(address)


def _works(value: int) -> bool:
    probe = object()
    count = _count(id(probe))
    count.value = value
    before = count.value
    references = [probe] * 3
    return count.value == before and len(references) == 3


def _reachable(roots: list[object]) -> list[int]:
    """Addresses of the roots and of all that they lead to, each once; not of what is made here."""
    seen = {id(roots)}
    seen.add(id(seen))
    found: list[int] = []
    seen.add(id(found))
    while roots:
        thing = roots.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        found.append(id(thing))
        roots.extend(gc.get_referents(thing))
        if isinstance(thing, _CODE):
            roots.extend(_parts(thing))
    return found


_CODE = type(_works.__code__)


def _parts(code: "CodeType") -> "tuple[object, ...]":
    """What a code object holds: the collector does not look into it."""
    return code.co_consts, code.co_names, code.co_filename, code.co_name, code.co_qualname
