"""Renders rows under headings, with each column as wide as its widest cell.

Cells must be safe to print. Nothing is cut, as a cut id proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from provisioner.rendering.style import Style, cells, pad


def table_text(headings: Sequence[str], rows: Iterable[Sequence[str]], style: Style) -> str:
    """Returns the table as lines that each end in a newline."""
    table = [tuple(headings), *map(tuple, rows)]
    widths = [max(map(cells, column)) for column in zip(*table, strict=True)]
    lines = ["  ".join(map(pad, line, widths)).rstrip() for line in table]
    return "".join(f"{line}\n" for line in (style.bold(lines[0]), *lines[1:]))
