"""Renders what released servers have left with the cloud, as a table and as a JSON document."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from provisioner.model.left_behind import LeftBehind
from provisioner.model.leftover import Leftover
from provisioner.model.time_text import timestamp
from provisioner.rendering.machine import FORMAT_VERSION, Document
from provisioner.rendering.style import Style, escape, wrap
from provisioner.rendering.table import table_text

_HEADINGS = ("since", "address", "server", "left")
_WHAT_TO_DO = (
    "Whether they still exist is not known here: the API of servers shows a disk only with its server. Look for these ids in the console under "
    "Elastic Volume Service, and delete there what nobody needs. What was deleted stays in this list, which is made from the journal."
)


def render_leftovers(found: Sequence[LeftBehind], style: Style, *, location: str) -> str:
    """Returns the table, with times in UTC, and what can be done."""
    if not found:
        return f"No release recorded at {escape(location)} has left anything.\n"
    lines = "".join(f"{line}\n" for line in wrap(_WHAT_TO_DO, style.width))
    title = style.bold(style.yellow("These remain in the cloud and cost money until somebody deletes them:"))
    return f"{title}\n\n{table_text(_HEADINGS, _rows(found), style)}\n{lines}"


def leftovers_document(found: Sequence[LeftBehind]) -> Document:
    return {"format_version": FORMAT_VERSION, "leftovers": [_document(one, each) for one, each in _each(found)]}


def _each(found: Sequence[LeftBehind]) -> Iterator[tuple[LeftBehind, Leftover]]:
    yield from ((one, leftover) for one in found for leftover in one.leftovers)


def _rows(found: Sequence[LeftBehind]) -> Iterator[tuple[str, ...]]:
    for one, leftover in _each(found):
        yield timestamp(one.time), escape(str(one.address)), escape(one.server or "unknown"), escape(leftover.what)


def _document(one: LeftBehind, leftover: Leftover) -> Document:
    return {
        "since": timestamp(one.time, timespec="milliseconds"),
        "address": str(one.address),
        "server": one.server,
        "what": leftover.what,
        "id": leftover.id,
        "size_gb": leftover.size,
    }
