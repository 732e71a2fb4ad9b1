"""Audit events of a history: one for each thing that cost money, freed a resource or decided something.

An intent and its answer make one event, at the answer. A call that one run sent and whose outcome another learnt makes an
event in both. Records that follow a build make none. Nothing is replayed: a contradictory journal can still be read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import assert_never

from provisioner.model.address import Address
from provisioner.model.audit_event import AuditEvent, AuditEventType
from provisioner.model.canonical import JsonObject
from provisioner.model.flow import Effect
from provisioner.model.history import HistoryEntry
from provisioner.model.journal import (
    RELEASED,
    Adopted,
    Answered,
    Approved,
    Arrived,
    Arriving,
    Created,
    Entry,
    Fenced,
    Forgotten,
    Imported,
    Intended,
    Listed,
    Moved,
    Relocated,
    Remembered,
    Renamed,
    RunEnded,
    RunStarted,
    Settled,
    Stated,
)
from provisioner.model.outcome import purchase_records
from provisioner.model.plan import Mode
from provisioner.model.redaction import merge_fields
from provisioner.model.resource import Phase, Recorded
from provisioner.model.state import Intent


@dataclass(slots=True)
class _Facts:
    """What the journal has recorded about one address so far."""

    declared: JsonObject = field(default_factory=dict)
    labels: JsonObject = field(default_factory=dict)
    protected: bool = False
    phase: Phase | None = None
    id: str | None = None
    order_id: str | None = None
    assumed: JsonObject = field(default_factory=dict)

    @classmethod
    def of(cls, recorded: Recorded) -> _Facts:
        known = cls(recorded.declared, dict(recorded.labels), recorded.protected, recorded.phase)
        known.assumed, known.id, known.order_id = recorded.assumed, recorded.id, recorded.order_id
        return known


_ANSWERED: dict[Effect, AuditEventType] = {
    Effect.PURCHASE: AuditEventType.BOUGHT,
    Effect.DESTRUCTIVE: AuditEventType.ASKED_TO_RELEASE,
    Effect.WIPE: AuditEventType.REINSTALLED,
    Effect.PAYMENT: AuditEventType.PAID,
    Effect.CANCELLATION: AuditEventType.CANCELLED,
}
_SENT: dict[Effect, str] = {
    Effect.PURCHASE: "a purchase",
    Effect.DESTRUCTIVE: "a release",
    Effect.PAYMENT: "a payment",
    Effect.WIPE: "a reinstallation",
    Effect.CANCELLATION: "a cancellation",
}
_UNANSWERED = {Effect.PAYMENT: AuditEventType.SENT_PAYMENT, Effect.CANCELLATION: AuditEventType.ASKED_TO_CANCEL}
"""Events for calls about orders whose answer was lost: only the order shows their outcome."""
_SETTLED = {
    "not_sent": AuditEventType.NOT_SENT,
    "refused": AuditEventType.REFUSED,
    "observed": AuditEventType.OBSERVED,
    "absent": AuditEventType.ABSENT,
}
_PHASES = {Phase.FAILED: AuditEventType.FAILED, Phase.AWAITING_PAYMENT: AuditEventType.UNPAID}


def audit_events(history: Sequence[HistoryEntry], *, at_work: bool = False) -> Iterator[AuditEvent]:
    """Yields the events in the order of their records. `history` must be complete: filter the events by address, and
    not the records. `at_work`: the last run may still be running, so a call that it has sent is in flight and not in
    doubt.
    """
    alive = history[-1].run if at_work and history else None
    outcomes = {line.entry.intent: line for line in history if isinstance(line.entry, Answered | Settled | Adopted)}
    known: dict[Address, _Facts] = {}
    for line in history:
        match line.entry:
            case (
                Created()
                | RunStarted()
                | RunEnded()
                | Approved()
                | Listed()
                | Renamed()
                | Fenced()
                | Relocated()
                | Arriving()
                | Arrived()
            ):
                yield from _of_state(line, line.entry)
            case Intended(intent=intent) if intent.unknown_since is not None:
                pass  # the same call, noted again when its outcome turned out to be unknown
            case Intended(intent=intent):
                is_in_flight = alive is not None and line.run == alive
                for event in _unanswered(line, intent, outcomes.get(intent.id), in_flight=is_in_flight):
                    yield from _per_address(event)
            case Answered() | Adopted():
                yield from _per_address(_answered(line, line.entry))
                _update_facts(known, line.intent, line.entry)
            case Settled():
                yield from _per_address(_settled(line, line.entry))
            case Imported(recorded=recorded, evidence=evidence):
                known[recorded.address] = _Facts.of(recorded)
                address, order_id = recorded.address, recorded.order_id
                yield AuditEvent(line, AuditEventType.IMPORTED, address, evidence, id=recorded.id, order_id=order_id)
            case Moved(origin=origin, address=address):
                known[address] = known.pop(origin, _Facts())
                yield AuditEvent(line, AuditEventType.MOVED, address, f"was {origin}", id=known[address].id)
            case Remembered(address=address) | Stated(address=address):
                yield from _remembered(line, line.entry, known.setdefault(address, _Facts()))
            case Forgotten(address=address):
                yield _forgotten(line, line.entry, known.pop(address, _Facts()))
            case _:
                assert_never(line.entry)


def _of_state(line: HistoryEntry, entry: Entry) -> Iterator[AuditEvent]:
    """Yields the event of an entry about the whole state, if the history tells of it."""
    match entry:
        case Renamed(former=former):
            yield AuditEvent(line, AuditEventType.STATE_RENAMED, None, f"was {former}")
        case Fenced(who=who, former=former):
            yield AuditEvent(line, AuditEventType.TOOK_OVER, None, f"{who}, from {former}")
        case Relocated(to=to):
            yield AuditEvent(line, AuditEventType.STATE_MOVED, None, f"to {to}")
        case Arrived(origin=origin):
            yield AuditEvent(line, AuditEventType.STATE_MOVED, None, f"from {origin}")
        case _:
            pass


def _per_address(event: AuditEvent) -> Iterator[AuditEvent]:
    """Yields one event for each address that the call was for."""
    addresses = event.history_entry.addresses
    together = f"one call for {len(addresses)} resources" if len(addresses) > 1 else ""
    detail = "; ".join(filter(None, (event.detail, together)))
    yield from (replace(event, address=address, detail=detail) for address in addresses or (None,))


def _unanswered(
    line: HistoryEntry, intent: Intent, outcome: HistoryEntry | None, *, in_flight: bool
) -> Iterator[AuditEvent]:
    """Yields the event of a request whose own run did not learn its outcome, even if a later run did."""
    if outcome is not None and outcome.run == line.run:
        return
    what = _SENT.get(intent.effect, "a call")
    identifier, order_id = _target(intent)
    if outcome is None and in_flight:
        type_, detail = AuditEventType.IN_FLIGHT, f"{what} was sent and is not answered yet"
    else:
        later = "" if outcome is None else "; settled later"
        type_ = AuditEventType.IN_DOUBT if intent.effect is Effect.PURCHASE else AuditEventType.UNSETTLED
        detail = f"{what} was sent, and no answer is recorded{later}"
    yield AuditEvent(line, type_, None, detail, id=identifier, order_id=order_id)


def _answered(line: HistoryEntry, entry: Answered | Adopted) -> AuditEvent:
    identifier, order_id = _target(line.intent)
    identifier, order_id = entry.id or identifier, entry.order_id or order_id
    if isinstance(entry, Adopted):
        return AuditEvent(line, AuditEventType.ADOPTED, None, entry.evidence, id=identifier, order_id=order_id)
    type_ = AuditEventType.BOUGHT if line.intent is None else _ANSWERED.get(line.intent.effect, AuditEventType.CHANGED)
    if type_ is AuditEventType.BOUGHT and entry.order_id is not None:
        type_ = AuditEventType.ORDERED
    return AuditEvent(line, type_, None, id=identifier, order_id=order_id, request_id=entry.request_id)


def _settled(line: HistoryEntry, entry: Settled) -> AuditEvent:
    code = " ".join(str(part) for part in (entry.status, entry.code) if part is not None)
    detail = f"{code}: {entry.evidence}" if code else entry.evidence
    identifier, order_id = _target(line.intent)
    type_ = _SETTLED[entry.outcome]
    if type_ is AuditEventType.OBSERVED and line.intent is not None:
        type_ = _UNANSWERED.get(line.intent.effect, type_)
    return AuditEvent(line, type_, None, detail, id=identifier, order_id=order_id, request_id=entry.request_id)


def _target(intent: Intent | None) -> tuple[str | None, str | None]:
    """Returns the id of the server, or of the order, that a call was about: the answer does not repeat it."""
    if intent is None:
        return None, None
    return (None, intent.target_id) if intent.effect.targets_order else (intent.target_id, None)


def _update_facts(known: dict[Address, _Facts], intent: Intent | None, entry: Answered | Adopted) -> None:
    """Updates `known` with what an answered purchase or reinstallation declares."""
    if intent is not None and intent.effect is Effect.WIPE:
        facts = known.setdefault(intent.address, _Facts())
        facts.declared = merge_fields(facts.declared, intent.declared)
    if intent is None or intent.effect is not Effect.PURCHASE:
        return
    for one in purchase_records(intent, identifier=entry.id, order_id=entry.order_id):
        facts = _Facts(one.declared, dict(one.labels), one.protected, id=one.id, order_id=one.order_id)
        known[one.address] = facts


def _forgotten(line: HistoryEntry, entry: Forgotten, facts: _Facts) -> AuditEvent:
    type_, reason = (AuditEventType.RELEASED, "") if entry.reason == RELEASED else (AuditEventType.FORGOT, entry.reason)
    left = ", ".join(one.what for one in entry.leftovers or ())
    kept = f"kept by the cloud, and billed on: {left}" if left else ""
    detail = "; ".join(filter(None, (reason, kept)))
    return AuditEvent(line, type_, entry.address, detail, id=entry.id or facts.id, order_id=facts.order_id)


def _remembered(line: HistoryEntry, entry: Remembered | Stated, facts: _Facts) -> Iterator[AuditEvent]:
    if isinstance(entry, Stated):
        yield _stated(line, entry, facts)
        return
    order_id = entry.order_id or facts.order_id
    if entry.id is not None and entry.id != facts.id:
        yield AuditEvent(line, AuditEventType.FOUND, entry.address, id=entry.id, order_id=order_id)
    if entry.phase is not facts.phase and entry.phase in _PHASES:
        yield AuditEvent(line, _PHASES[entry.phase], entry.address, id=entry.id or facts.id, order_id=order_id)
    if line.run is not None and line.run.command == Mode.REFRESH.command:
        yield _noticed(line, entry, facts)
    else:
        yield from _changed(line, entry, facts)
    facts.phase = entry.phase
    facts.id, facts.order_id = entry.id or facts.id, entry.order_id or facts.order_id
    facts.declared = facts.declared if entry.declared is None else entry.declared
    facts.labels = facts.labels if entry.labels is None else entry.labels
    facts.protected = facts.protected if entry.protected is None else entry.protected


def _stated(line: HistoryEntry, entry: Stated, facts: _Facts) -> AuditEvent:
    shown = _differing_keys(facts.declared, entry.declared)
    assumed = (f"{key} (assumed)" for key in _differing_keys(facts.assumed, entry.assumed) if key in entry.assumed)
    facts.declared, facts.assumed = entry.declared, entry.assumed
    ended = ["its reinstallation is no longer unconfirmed"] if entry.unconfirmed == {} else []
    return AuditEvent(line, AuditEventType.STATED, entry.address, ", ".join((*shown, *assumed, *ended)), id=facts.id)


def _differing_keys(before: JsonObject, after: JsonObject) -> list[str]:
    return sorted(key for key in {*before, *after} if before.get(key) != after.get(key))


def _changed_keys(entry: Remembered, facts: _Facts) -> list[str]:
    """Returns the fields that differ from what was bought; none if the journal does not contain that."""
    after = facts.declared if entry.declared is None or not facts.declared else entry.declared
    return _differing_keys(facts.declared, after)


def _noticed(line: HistoryEntry, entry: Remembered, facts: _Facts) -> AuditEvent:
    changed = _changed_keys(entry, facts)
    status = f"status {entry.observed['status']}" if entry.observed and "status" in entry.observed else ""
    detail = ", ".join(filter(None, (*changed, status)))
    return AuditEvent(line, AuditEventType.NOTICED, entry.address, detail, id=entry.id or facts.id)


def _changed(line: HistoryEntry, entry: Remembered, facts: _Facts) -> Iterator[AuditEvent]:
    changed = _changed_keys(entry, facts)
    if "name" in changed:
        changed.remove("name")
        before, after = facts.declared.get("name"), (entry.declared or {}).get("name")
        yield AuditEvent(line, AuditEventType.RENAMED, entry.address, f"{before} -> {after}", id=entry.id or facts.id)
    if entry.labels is not None and entry.labels != facts.labels:
        changed.append("labels")
    if entry.protected is not None and entry.protected != facts.protected:
        changed.append("protection")
    if changed:
        yield AuditEvent(line, AuditEventType.CHANGED, entry.address, ", ".join(changed), id=entry.id or facts.id)
