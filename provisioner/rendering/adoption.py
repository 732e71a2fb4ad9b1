"""Renders unmanaged servers as a numbered table, and as a JSON document with those that were adopted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from provisioner.model.address import Address
from provisioner.planning import UnmanagedServer
from provisioner.rendering.machine import FORMAT_VERSION, Document
from provisioner.rendering.style import Style, cells, escape
from provisioner.rendering.table import row_lines
from provisioner.rendering.wording import pluralize


def render_unmanaged(found: Sequence[UnmanagedServer], style: Style) -> str:
    """Returns the table, ending in a newline. The servers are numbered from 1 in the order of `found`."""
    if not found:
        return "No changes. Everything that the cloud lists is recorded in this state.\n"
    rows = [(str(number), *_cells(one), one.problem) for number, one in enumerate(found, start=1)]
    widths = [max(cells(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    title = style.bold(f"{count_unmanaged(len(found), found)} that no address of this state owns:")
    return "\n".join((title, "", *_lines(rows, widths, style))) + "\n"


def _lines(rows: Sequence[tuple[str, ...]], widths: Sequence[int], style: Style) -> Iterator[str]:
    for *facts, problem in rows:
        reason = f"cannot be taken over: {escape(problem)}" if problem else ""
        *lines, last = row_lines((*facts, reason), (*widths, 0), style, indent="  ")
        yield from (*lines, last.removesuffix(reason) + style.yellow(reason))


def count_unmanaged(number: int, found: Sequence[UnmanagedServer]) -> str:
    """Returns `number` with the noun of the servers' kind, or with "resource" where they are of several kinds."""
    nouns = {one.noun for one in found}
    return pluralize(number, nouns.pop() if len(nouns) == 1 else "resource")


def _cells(one: UnmanagedServer) -> tuple[str, ...]:
    return tuple(map(escape, (one.row.name, one.row.id, *one.particulars, one.row.status)))


def unmanaged_document(
    found: Sequence[UnmanagedServer], *, adopted: Sequence[Address] = (), path: str | None = None, requests: int = 0
) -> Document:
    return {
        "format_version": FORMAT_VERSION,
        "unmanaged": [_document(one) for one in found],
        "adopted": [str(address) for address in adopted],
        "file": path,
        "requests": requests,
    }


def _document(one: UnmanagedServer) -> dict[str, Any]:
    return {
        "id": one.row.id,
        "name": one.row.name,
        "status": one.row.status,
        "order_id": one.row.order_id,
        "shown": dict(one.row.shown),
        "problem": one.problem or None,
    }
