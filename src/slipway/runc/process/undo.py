"""What to take back if a later step fails: a stack, kept until success."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Undo:
    """In a `with`: steps pushed are run backwards on an exception, forgotten otherwise.

    A step that fails is noted on the exception, and the rest still runs.
    """

    __slots__ = ("_steps",)

    def __init__(self) -> None:
        self._steps: list[tuple[str, Callable[[], object]]] = []

    def push(self, name: str, step: "Callable[[], object]") -> None:
        self._steps.append((name, step))

    def __enter__(self) -> "Undo":
        return self

    def __exit__(self, _: object, error: "BaseException | None", __: object) -> None:
        if error is None:
            return
        while self._steps:
            name, step = self._steps.pop()
            try:
                step()
            except Exception as failure:  # noqa: BLE001 - whatever it is, the rest must be undone too
                error.add_note(f"{name}: {failure}")
