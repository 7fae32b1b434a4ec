"""Columns as Go's text/tabwriter aligns them for `docker ps`: cells end at tabs, padded by three, at least ten wide."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

MINIMUM_WIDTH = 10
PADDING = 3


def align(text: str, *, minimum: int = MINIMUM_WIDTH, padding: int = PADDING) -> str:
    """Lay out lines of tab-separated cells. The last cell of a line is not padded, and ends no column.

    As the original, a column is a run of adjacent lines that have a cell there; a line without it begins a new one.
    """
    lines = [line.split("\t") for line in text.split("\n")]
    widths: list[list[int]] = [[] for _ in lines]
    _measure(lines, widths, 0, len(lines), 0, minimum, padding)
    return "\n".join(
        "".join(cell.ljust(width) for cell, width in zip(cells, line_widths, strict=False)) + cells[-1]
        for cells, line_widths in zip(lines, widths, strict=True)
    )


def _measure(
    lines: "Sequence[Sequence[str]]",
    widths: "list[list[int]]",
    start: int,
    end: int,
    column: int,
    minimum: int,
    padding: int,
) -> None:
    index = start
    while index < end:
        if len(lines[index]) - 1 <= column:
            index += 1
            continue
        block_end = index
        while block_end < end and len(lines[block_end]) - 1 > column:
            block_end += 1
        widest = max(len(lines[line][column]) for line in range(index, block_end))
        width = max(minimum, widest + padding)
        if widest == 0 and all(not lines[line][column] for line in range(index, block_end)):
            width = 0 if minimum == 0 else max(minimum, padding)
        for line in range(index, block_end):
            widths[line].append(width)
        _measure(lines, widths, index, block_end, column + 1, minimum, padding)
        index = block_end
