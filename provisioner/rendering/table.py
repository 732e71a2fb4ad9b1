"""Renders rows under headings, with each column as wide as its widest cell.

Cells must be safe to print. Nothing is cut, as a cut id proves nothing: a table that is wider than the terminal becomes a
list, with a line for each cell.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from provisioner.rendering.style import Style, cells, pad

_INDENT = "  "


def table_text(headings: Sequence[str], rows: Iterable[Sequence[str]], style: Style) -> str:
    """Returns the table as lines that each end in a newline."""
    table = [tuple(headings), *map(tuple, rows)]
    widths = [max(map(cells, column)) for column in zip(*table, strict=True)]
    lines = ["  ".join(map(pad, line, widths)).rstrip() for line in table]
    if not style.fits(lines):
        return "\n".join("".join(f"{line}\n" for line in _record(headings, row, style)) for row in table[1:])
    return "".join(f"{line}\n" for line in (style.bold(lines[0]), *lines[1:]))


def _record(headings: Sequence[str], row: Sequence[str], style: Style) -> Iterator[str]:
    width = max(map(cells, headings))
    for heading, cell in zip(headings, row, strict=True):
        if cell:
            yield f"{style.bold(pad(heading, width))}  {cell}"


def row_lines(parts: Sequence[str], widths: Sequence[int], style: Style, *, indent: str) -> Iterator[str]:
    """Yields the parts as one line with padded columns, or with a line for each part where that does not fit."""
    line = (indent + "  ".join(map(pad, parts, widths))).rstrip()
    if style.fits([line]):
        yield line
        return
    first, *rest = filter(None, parts)
    yield f"{indent}{first}"
    yield from (f"{indent}{_INDENT * 2}{part}" for part in rest)
