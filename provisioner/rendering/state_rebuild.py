"""Renders the proposal for a rebuilt state: what is left of the files, and a line per row, with reasons if uncertain.

It shows what is proposed and what is left out. Whether anything is written is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from provisioner.model.diagnostic import Diagnostic
from provisioner.model.proposal import Confidence, Proposal, Row
from provisioner.model.resource import Live
from provisioner.model.state import Intent
from provisioner.model.time_text import format_time
from provisioner.rendering.machine import FORMAT_VERSION, Document, diagnostic_document
from provisioner.rendering.style import Style, cells, escape, pad, wrap
from provisioner.rendering.wording import pluralize

_SHOWN = 10
_NEXT_STEP = {
    Confidence.AMBIGUOUS: "have those that are not yours renamed or released, then run `provisioner state rebuild --force`",
    Confidence.ALIKE: "the next apply buys a server under the wanted name; if it is this one, first run `provisioner import {address} {id}`",
    Confidence.UNKNOWN: "nothing is bought while it exists: choose another name in the specs, or have it renamed or released",
}


class Part(Protocol):
    """A file of the state, and what was found in it."""

    @property
    def name(self) -> str: ...

    @property
    def found(self) -> str: ...


def render_parts(parts: Sequence[Part], damage: Sequence[Diagnostic], style: Style, *, location: str) -> str:
    """Returns what is left of the files, then what is damaged in them."""
    width = max(cells(escape(part.name)) for part in parts)
    lines = [style.bold(f"What is left of {escape(location)}:")]
    lines += [f"  {pad(escape(part.name), width)}  {escape(part.found)}" for part in parts]
    lines += [f"  {line}" for finding in damage for line in wrap(finding.summary, style.width - 2)]
    return "".join(f"{line}\n" for line in lines)


def render_proposal(proposal: Proposal, style: Style) -> str:
    """Returns a line for each address that is certainly ours; others have the reason, candidates and next step, too."""
    kept = sum(row.is_kept for row in proposal.rows)
    lines = [
        style.bold(
            f"The rebuilt state would hold {pluralize(kept, 'row')}:"
            if kept
            else "The rebuilt state would hold nothing."
        )
    ]
    width = max((cells(escape(str(row.address))) for row in proposal.rows), default=0)
    for row in proposal.rows:
        lines += _row(row, style, width=width)
    if proposal.absent:
        lines += ["", *wrap(_absent(proposal.absent), style.width)]
    if proposal.unclaimed:
        lines += ["", *wrap(_unclaimed(proposal.unclaimed), style.width)]
    return "".join(f"{line}\n" for line in lines)


def _row(row: Row, style: Style, *, width: int) -> Iterator[str]:
    word = _paint(row.confidence, style)
    yield f"  {word}  {pad(escape(str(row.address)), width)}  {_holding(row)}"
    if row.confidence is Confidence.CERTAIN and not row.by_specs:
        return
    indent = " " * (max(map(len, Confidence)) + 4)
    notes = [row.reason]
    if not row.is_kept:
        notes += [f"listed: {_live(each)}" for each in row.candidates]
        notes.append(_next_step(row))
    for text in filter(None, notes):
        for line in wrap(text, style.width - len(indent)):
            yield f"{indent}{style.dim(line)}"


def _next_step(row: Row) -> str:
    found = row.candidates[0].id if row.candidates else ""
    return _NEXT_STEP.get(row.confidence, "").format(address=row.address.shell_quoted, id=found)


def _holding(row: Row) -> str:
    if row.recorded is not None:
        return escape(row.recorded.id or f"order {row.recorded.order_id}")
    return "an open call, kept as it is" if row.intent is not None else "left out"


def _live(row: Live) -> str:
    created = "" if row.created_at is None else f", created {format_time(row.created_at)}"
    return f"{row.id} ({row.status}{created})"


def _unclaimed(rows: Sequence[Live]) -> str:
    named = ", ".join(f"{row.name} ({row.id})" for row in rows[:_SHOWN])
    more = "" if len(rows) <= _SHOWN else f" and {len(rows) - _SHOWN} more"
    return f"The cloud also lists {pluralize(len(rows), 'server')} that belong to no row: {named}{more}."


def _absent(intents: Sequence[Intent]) -> str:
    addresses = ", ".join(intent.address_list for intent in intents[:_SHOWN])
    more = "" if len(intents) <= _SHOWN else f" and {len(intents) - _SHOWN} more"
    count = pluralize(len(intents), "purchase")
    return f"It would still remember {count} that counted as never carried out, in case a server appears: {addresses}{more}."


def _paint(confidence: Confidence, style: Style) -> str:
    text = confidence.value.replace("_", " ").ljust(max(map(len, Confidence)))
    match confidence:
        case Confidence.CERTAIN:
            return style.green(text)
        case Confidence.AMBIGUOUS | Confidence.UNKNOWN | Confidence.ALIKE:
            return style.red(text)
        case _:
            return style.yellow(text)


def proposal_document(
    proposal: Proposal,
    *,
    parts: Sequence[Part],
    damage: Sequence[Diagnostic],
    notes: Sequence[Diagnostic],
    written: bool,
    aside: Sequence[str],
) -> Document:
    """Returns what `state rebuild --json` prints.

    `written`: the proposal is now the state; `aside` are the copies of the old files.
    """
    return {
        "format_version": FORMAT_VERSION,
        "written": written,
        "kept_aside": list(aside),
        "damage": [diagnostic_document(finding) for finding in damage],
        "parts": [{"name": part.name, "found": part.found} for part in parts],
        "rows": [_row_document(row) for row in proposal.rows],
        "believed_absent": [_absent_document(each) for each in proposal.absent],
        "unclaimed": [_live_document(row) for row in proposal.unclaimed],
        "notes": [diagnostic_document(finding) for finding in notes],
    }


def _absent_document(intent: Intent) -> dict[str, Any]:
    addresses = [str(address) for address in intent.addresses]
    return {"address": addresses[0], "name": intent.name} | ({"addresses": addresses} if intent.members else {})


def _row_document(row: Row) -> dict[str, Any]:
    recorded = row.recorded
    return {
        "address": str(row.address),
        "name": row.name,
        "confidence": row.confidence.value,
        "reason": row.reason,
        "kept": row.is_kept,
        "id": None if recorded is None else recorded.id,
        "order_id": None if recorded is None else recorded.order_id,
        "phase": None if recorded is None else recorded.phase.value,
        "by_specs": row.by_specs,
        "candidates": [_live_document(each) for each in row.candidates],
    }


def _live_document(row: Live) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "status": row.status,
        "order_id": row.order_id,
        "created_at": row.created_at,
    }
