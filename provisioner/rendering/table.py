"""Rows under headings, each column as wide as its widest cell. Cells are safe to print; nothing is cut: an id that is cut
proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from provisioner.rendering.style import Style, cells, pad


def table_text(headings: Sequence[str], rows: Iterable[Sequence[str]], style: Style) -> str:
    table = [tuple(headings), *map(tuple, rows)]
    widths = [max(map(cells, column)) for column in zip(*table, strict=True)]
    lines = ["  ".join(map(pad, line, widths)).rstrip() for line in table]
    return "".join(f"{line}\n" for line in (style.bold(lines[0]), *lines[1:]))
