"""Tables that leave room for reasons: no column without a value, and the last one wraps."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

#: Of a column whose words are read, however narrow the terminal.
_LEAST_WIDTH = 20
#: Cells around each column.
_PADDING = 2


def print_table(
    headers: Sequence[str], rows: Sequence[Sequence[str]], console: Console, *, text: str = ""
) -> None:
    """Nothing where there are no rows. `text` is a column besides the last one that may wrap."""
    filled = [place for place in range(len(headers)) if any(row[place] for row in rows)]
    if not filled:
        return
    widths = {
        place: max(cell_len(cell) for cell in (headers[place], *(row[place] for row in rows)))
        for place in filled
    }
    wrapping = [place for place in filled if headers[place] == text] + filled[-1:]
    fixed = sum(width for place, width in widths.items() if place not in wrapping)
    room = console.width - fixed - _PADDING * len(filled)
    # The first takes at most half, and leaves the rest to the reasons.
    for left, place in zip(range(len(wrapping), 0, -1), wrapping, strict=True):
        widths[place] = min(widths[place], max(room // left, _LEAST_WIDTH))
        room -= widths[place]
    columns = [Column(headers[place], width=widths[place], overflow="fold") for place in filled]
    table = Table(*columns, box=None, padding=(0, _PADDING // 2))
    for row in rows:
        table.add_row(*(Text(row[place]) for place in filled))
    console.print(table)
