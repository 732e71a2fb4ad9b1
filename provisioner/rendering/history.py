"""The history for auditors: a line a deed, grouped by the run that did it; and every record whole for machines.

Nothing is cut to the terminal's width: an id that is cut proves nothing. What came from the cloud or from people is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from provisioner.model.address import Address
from provisioner.model.audit_events import AuditEvent, AuditEventType, audit_events
from provisioner.model.history import HistoryEntry, Verified
from provisioner.model.journal import RunEnded, RunStarted
from provisioner.rendering.machine import FORMAT_VERSION, Document
from provisioner.rendering.style import Style, cells, escape, pad
from provisioner.rendering.values import masked
from provisioner.rendering.wording import pluralize

_INDENT = "  "
_WIDEST_ADDRESS = 40
_DEED_WIDTH = max(len(deed.value) for deed in AuditEventType)
_PLAN_DIGITS = 12
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_GAINED = frozenset(
    {
        AuditEventType.BOUGHT,
        AuditEventType.ORDERED,
        AuditEventType.PAID,
        AuditEventType.SENT_PAYMENT,
        AuditEventType.ADOPTED,
        AuditEventType.IMPORTED,
    }
)
_TROUBLE = frozenset({AuditEventType.REFUSED, AuditEventType.FAILED, AuditEventType.IN_DOUBT, AuditEventType.UNSETTLED})


def render_history(
    history: Sequence[HistoryEntry], style: Style, *, address: Address | None = None, at_work: bool = False
) -> str:
    """`at_work`: a run holds the lock, so that the last one may still go on. With `address`, only what concerns that."""
    by_record = _by_record(audit_events(history, at_work=at_work), address)
    width = max((cells(_name(deed)) for group in by_record.values() for deed in group), default=0)
    width = min(width, _WIDEST_ADDRESS)
    sections = []
    for run, records in groupby(history, key=lambda record: record.run):
        told = tuple(records)
        lines = [
            _deed(deed, style, width=width) for record in told for deed in by_record.get(record.record.sequence, ())
        ]
        if lines or (run is not None and address is None):
            goes_on = at_work and told[-1] is history[-1]
            sections.append("".join(f"{line}\n" for line in (*_heading(run, told, style, goes_on=goes_on), *lines)))
    return "\n".join(sections)


def _by_record(story: Iterable[AuditEvent], address: Address | None) -> dict[int, list[AuditEvent]]:
    found: dict[int, list[AuditEvent]] = {}
    for deed in story:
        if (
            address is None
            or deed.address == address
            or (deed.type is AuditEventType.MOVED and address in deed.history_entry.addresses)
        ):
            found.setdefault(deed.history_entry.record.sequence, []).append(deed)
    return found


def _heading(run: RunStarted | None, told: Sequence[HistoryEntry], style: Style, *, goes_on: bool) -> Iterator[str]:
    moment = _moment(told[0].record.time)
    if run is None:
        yield style.bold(f"{moment}  outside of a run")
        return
    parts = [f"{escape(run.command)} by {escape(run.who)}"]
    if run.plan is not None:
        parts.append(f"plan {escape(run.plan[:_PLAN_DIGITS])}")
    if (ending := _ending(told[-1], goes_on=goes_on)) is not None:
        parts.append(ending)
    yield style.bold(f"{moment}  {', '.join(parts)}")
    if run.reason is not None:
        yield f"{_INDENT}reason: {escape(run.reason)}"
    if run.allowed:
        yield f"{_INDENT}allowed: {escape(', '.join(run.allowed))}"


def _ending(last: HistoryEntry, *, goes_on: bool) -> str | None:
    match last.entry:
        case RunEnded(result="ended"):
            return None
        case RunEnded(result=result):
            return escape(result)
        case _:
            return "at work" if goes_on else "its end is not recorded"


def _deed(deed: AuditEvent, style: Style, *, width: int) -> str:
    facts = {"id": deed.id, "order": deed.order_id, "request": deed.request_id}
    parts = [
        _moment(deed.history_entry.record.time),
        _painted(pad(deed.type.value, _DEED_WIDTH), style, kind=deed.type),
        style.bold(pad(_name(deed), width)),
        " ".join(f"{name}={escape(value)}" for name, value in facts.items() if value is not None),
        escape(deed.detail),
    ]
    return _INDENT + _INDENT.join(part for part in parts if part).rstrip()


def _name(deed: AuditEvent) -> str:
    return "" if deed.address is None else escape(str(deed.address))


def _painted(text: str, style: Style, *, kind: AuditEventType) -> str:
    if kind in _GAINED:
        return style.green(text)
    return style.red(text) if kind in _TROUBLE else text


def render_verified(verified: Verified, style: Style) -> str:
    """The head's hash is there to be noted elsewhere: whoever alters the whole journal must alter that too."""
    lines = [style.green(f"The journal is whole: {pluralize(verified.records, 'record')}.")]
    if verified.first is not None and verified.last is not None:
        lines.append(f"{_INDENT}from     {_moment(verified.first)} to {_moment(verified.last)}")
    lines += (
        f"{_INDENT}head     {verified.head.sequence} {escape(verified.head.hash)}".rstrip(),
        f"{_INDENT}lineage  {escape(verified.lineage)}",
        f"The state, serial {verified.serial}, is what its first {pluralize(verified.checkpoint.sequence, 'record')} come to.",
    )
    if newer := verified.head.sequence - verified.checkpoint.sequence:
        came = f"{pluralize(newer, 'record')} came after it"
        lines.append(f"{came}: every command knows them, the next apply writes them into it.")
    if verified.torn:
        lines.append(
            f"After the last record stand {pluralize(verified.torn, 'byte')} of one that a death cut short; the next apply "
            "removes them."
        )
    return "".join(f"{line}\n" for line in lines)


def verified_document(verified: Verified) -> Document:
    """What `history --verify --json` prints of a history that is whole; damage is an error document."""
    return {
        "format_version": FORMAT_VERSION,
        "verified": True,
        "records": verified.records,
        "first": None if verified.first is None else _moment(verified.first, timespec="milliseconds"),
        "last": None if verified.last is None else _moment(verified.last, timespec="milliseconds"),
        "head": {"sequence": verified.head.sequence, "hash": verified.head.hash},
        "lineage": verified.lineage,
        "serial": verified.serial,
        "checkpoint": {"sequence": verified.checkpoint.sequence, "hash": verified.checkpoint.hash},
        "torn_bytes": verified.torn,
    }


def history_document(history: Iterable[HistoryEntry], *, address: Address | None = None) -> Document:
    """Every record whole, but for secrets' fingerprints. With `address`, the records of that and no run's own."""
    return {
        "format_version": FORMAT_VERSION,
        "records": [_record(told) for told in history if address is None or address in told.addresses],
    }


def _record(told: HistoryEntry) -> Document:
    record, run = told.record, told.run
    return {
        "sequence": record.sequence,
        "time": _moment(record.time, timespec="milliseconds"),
        "hash": record.hash,
        "type": told.entry.type,
        "address": str(told.addresses[0]) if told.addresses else None,
        "addresses": [str(address) for address in told.addresses],
        "who": told.who,
        "run": None if run is None else run.run,
        "command": None if run is None else run.command,
        "reason": None if run is None else run.reason,
        "entry": masked(_plain(told.entry)),
    }


def _plain(value: Any) -> Any:
    """As JSON has it: an address as its text, every other value of ours as an object of its fields."""
    match value:
        case Address():
            return str(value)
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case tuple() | list():
            return [_plain(item) for item in value]
        case _ if is_dataclass(value):
            return {field.name: _plain(getattr(value, field.name)) for field in fields(value) if field.name != "type"}
        case _:
            return value


def _moment(milliseconds: int, *, timespec: str = "seconds") -> str:
    """RFC 3339; a number that no calendar knows stays one."""
    try:
        moment = _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return f"{milliseconds} ms"
    return moment.isoformat(timespec=timespec).replace("+00:00", "Z")
