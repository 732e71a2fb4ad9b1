"""Renders the audit log: one line per event, grouped by run, for people, and every record in full for machines.

Nothing is cut to the terminal's width, as a cut id proves nothing. Text from the cloud or from people is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from itertools import chain, groupby
from typing import Any

from provisioner.model.address import Address
from provisioner.model.audit_event import AuditEvent, AuditEventType
from provisioner.model.audit_events import audit_events
from provisioner.model.history import HistoryEntry, VerifiedJournal
from provisioner.model.journal import Relocated, RunEnded, RunStarted
from provisioner.model.time_text import timestamp
from provisioner.rendering.caller import caller_document, caller_lines
from provisioner.rendering.machine import FORMAT_VERSION, Document
from provisioner.rendering.style import Style, cells, escape, pad, wrap
from provisioner.rendering.values import masked
from provisioner.rendering.wording import pluralize

_INDENT = "  "
_WIDEST_ADDRESS = 40
_TYPE_WIDTH = max(len(type_.value) for type_ in AuditEventType)
_PLAN_DIGITS = 12
_ACQUISITIONS = frozenset(
    {
        AuditEventType.BOUGHT,
        AuditEventType.ORDERED,
        AuditEventType.PAID,
        AuditEventType.SENT_PAYMENT,
        AuditEventType.ADOPTED,
        AuditEventType.IMPORTED,
    }
)
_FAILURES = frozenset(
    {AuditEventType.REFUSED, AuditEventType.FAILED, AuditEventType.IN_DOUBT, AuditEventType.UNSETTLED}
)


def render_history(
    history: Sequence[HistoryEntry], style: Style, *, address: Address | None = None, at_work: bool = False
) -> str:
    """Returns the audit log as text. `at_work`: a run holds the lock, so the last run may still go on.

    With an `address`, only the events of that address are shown.
    """
    by_record = _by_record(audit_events(history, at_work=at_work), address)
    width = max((cells(_name(event)) for group in by_record.values() for event in group), default=0)
    width = min(width, _WIDEST_ADDRESS)
    sections = []
    for run, records in groupby(history, key=lambda record: record.run):
        entries = tuple(records)
        events = chain.from_iterable(by_record.get(record.record.sequence, ()) for record in entries)
        lines = [line for event in events for line in _event_lines(event, style, width=width)]
        if lines or (run is not None and address is None):
            is_running = at_work and entries[-1] is history[-1]
            sections.append(
                "".join(f"{line}\n" for line in (*_heading(run, entries, style, is_running=is_running), *lines))
            )
    return "\n".join(sections)


def _by_record(events: Iterable[AuditEvent], address: Address | None) -> dict[int, list[AuditEvent]]:
    found: dict[int, list[AuditEvent]] = {}
    for event in events:
        if (
            address is None
            or event.address == address
            or (event.type is AuditEventType.MOVED and address in event.history_entry.addresses)
        ):
            found.setdefault(event.history_entry.record.sequence, []).append(event)
    return found


def _heading(
    run: RunStarted | None, entries: Sequence[HistoryEntry], style: Style, *, is_running: bool
) -> Iterator[str]:
    moment = timestamp(entries[0].record.time)
    if run is None:
        yield style.bold(f"{moment}  outside of a run")
        return
    parts = [f"{escape(run.command)} by {escape(run.who)}"]
    if run.plan is not None:
        parts.append(f"plan {escape(run.plan[:_PLAN_DIGITS])}")
    if run.approval:
        parts.append(f"approval {escape(run.approval)}")
    if (ending := _ending(entries[-1], is_running=is_running)) is not None:
        parts.append(ending)
    yield style.bold(f"{moment}  {', '.join(parts)}")
    if run.reason is not None:
        yield f"{_INDENT}reason: {escape(run.reason)}"
    yield from (f"{_INDENT}{line}" for line in caller_lines(run.caller))
    if run.allowed:
        yield f"{_INDENT}allowed: {escape(', '.join(run.allowed))}"


def _ending(last: HistoryEntry, *, is_running: bool) -> str | None:
    match last.entry:
        case RunEnded(result="ended") | Relocated():
            return None
        case RunEnded(result=result):
            return escape(result)
        case _:
            return "at work" if is_running else "its end is not recorded"


def _event_lines(event: AuditEvent, style: Style, *, width: int) -> Iterator[str]:
    """Yields one line, or a line for each fact where a terminal is too narrow for that."""
    named = {"id": event.id, "order": event.order_id, "request": event.request_id}
    facts = [f"{name}={escape(value)}" for name, value in named.items() if value is not None]
    moment, type_, name = timestamp(event.history_entry.record.time), event.type.value, _name(event)
    rest, detail = " ".join(facts), escape(event.detail)
    head = [moment, _paint(pad(type_, _TYPE_WIDTH), style, kind=event.type), style.bold(pad(name, width))]
    if style.fits([_INDENT + _INDENT.join((moment, pad(type_, _TYPE_WIDTH), pad(name, width), rest, detail)).rstrip()]):
        yield _INDENT + _INDENT.join(part for part in (*head, rest, detail) if part).rstrip()
        return
    yield _INDENT + _INDENT.join(filter(None, head)).rstrip()
    yield from (f"{_INDENT * 3}{fact}" for fact in facts)
    if detail:
        yield from (f"{_INDENT * 3}{line}" for line in wrap(detail, style.width - len(_INDENT) * 3))


def _name(event: AuditEvent) -> str:
    return "" if event.address is None else escape(str(event.address))


def _paint(text: str, style: Style, *, kind: AuditEventType) -> str:
    if kind in _ACQUISITIONS:
        return style.green(text)
    return style.red(text) if kind in _FAILURES else text


def render_verified(verified: VerifiedJournal, style: Style) -> str:
    """Returns what the verification found. It shows the head's hash so that it can be noted elsewhere.

    Whoever alters the whole journal would have to alter that note as well.
    """
    lines = [style.green(f"The journal is intact: {pluralize(verified.records, 'record')}.")]
    if verified.first is not None and verified.last is not None:
        lines.append(f"{_INDENT}from     {timestamp(verified.first)} to {timestamp(verified.last)}")
    lines += (
        f"{_INDENT}head     {verified.head.sequence} {escape(verified.head.hash)}".rstrip(),
        f"{_INDENT}lineage  {escape(verified.lineage)}",
        f"The state, serial {verified.serial}, is the result of its first {pluralize(verified.checkpoint.sequence, 'record')}.",
    )
    if newer := verified.head.sequence - verified.checkpoint.sequence:
        records = f"{pluralize(newer, 'record')} came after it"
        lines.append(f"{records}: every command reads them, and the next apply writes them into the state.")
    if verified.torn:
        lines.append(
            f"After the last record stand {pluralize(verified.torn, 'byte')} of an unfinished record, which a crash left behind; the next apply removes them."
        )
    return "".join(f"{line}\n" for line in lines)


def verified_document(verified: VerifiedJournal) -> Document:
    """Returns what `history --verify --json` prints of an intact journal. Damage is an error document instead."""
    return {
        "format_version": FORMAT_VERSION,
        "verified": True,
        "records": verified.records,
        "first": None if verified.first is None else timestamp(verified.first, timespec="milliseconds"),
        "last": None if verified.last is None else timestamp(verified.last, timespec="milliseconds"),
        "head": {"sequence": verified.head.sequence, "hash": verified.head.hash},
        "lineage": verified.lineage,
        "serial": verified.serial,
        "checkpoint": {"sequence": verified.checkpoint.sequence, "hash": verified.checkpoint.hash},
        "torn_bytes": verified.torn,
    }


def history_document(history: Iterable[HistoryEntry], *, address: Address | None = None) -> Document:
    """Returns every record in full, without the fingerprints of secrets.

    With an `address`, only the records of that address are returned, and none about a run itself.
    """
    return {
        "format_version": FORMAT_VERSION,
        "records": [_record(entry) for entry in history if address is None or address in entry.addresses],
    }


def _record(history_entry: HistoryEntry) -> Document:
    record, run, entry = history_entry.record, history_entry.run, history_entry.entry
    return {
        "sequence": record.sequence,
        "time": timestamp(record.time, timespec="milliseconds"),
        "hash": record.hash,
        "type": entry.type,
        "address": str(history_entry.addresses[0]) if history_entry.addresses else None,
        "addresses": [str(address) for address in history_entry.addresses],
        "who": history_entry.who,
        "run": None if run is None else run.run,
        "command": None if run is None else run.command,
        "reason": None if run is None else run.reason,
        "caller": None if run is None else caller_document(run.caller),
        "entry": masked(_to_json(entry)),
    }


def _to_json(value: Any) -> Any:
    """Returns the value as JSON has it: an address as its text, any other dataclass as an object of its fields."""
    match value:
        case Address():
            return str(value)
        case Mapping():
            return {str(key): _to_json(item) for key, item in value.items()}
        case tuple() | list():
            return [_to_json(item) for item in value]
        case _ if is_dataclass(value):
            return {field.name: _to_json(getattr(value, field.name)) for field in fields(value) if field.name != "type"}
        case _:
            return value
