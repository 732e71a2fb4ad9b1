"""What the answer to a call makes of a record: of a purchase the records of its servers, of a reinstallation another system; and what
remembered facts do. Pure.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from provisioner.model.canonical import JsonObject
from provisioner.model.flow import Effect
from provisioner.model.redaction import merge_fields
from provisioner.model.resource import Live, Phase, Recorded
from provisioner.model.state import Intent

if TYPE_CHECKING:
    from provisioner.model.journal import Listed, Remembered
    from provisioner.model.kind import Kind


def purchase_records(intent: Intent, *, identifier: str | None, order_id: str | None) -> tuple[Recorded, ...]:
    """What is recorded of a purchase when its ids become known, and before anything else is. Of several servers only the order
    is known then: which of them one id would name, nobody says (API reference section 3.4).
    """
    whole = Recorded(
        address=intent.address,
        kind=intent.kind,
        phase=Phase.ORDERING if identifier is None else Phase.CREATING,
        declared=intent.declared,
        id=identifier,
        order_id=order_id,
        labels=intent.labels,
        protected=intent.protected,
        bought_by=intent.sender,
    )
    if not intent.members:
        return (whole,)
    return tuple(
        replace(
            whole,
            address=member.address,
            phase=Phase.ORDERING,
            declared={**intent.declared, "name": member.name},
            id=None,
            labels=member.labels,
            protected=member.protected,
        )
        for member in intent.members
    )


def rule_out_server(absent: dict[str, Intent], intent: Intent | None, identifier: str | None) -> None:
    """A server that is known to be another purchase's is not taken for one of its name that was believed never carried out."""
    if intent is None or identifier is None:
        return
    for key, ghost in absent.items():
        if (ghost.kind, ghost.name) == (intent.kind, intent.name) and identifier not in ghost.earlier_ids:
            absent[key] = replace(ghost, earlier_ids=(*ghost.earlier_ids, identifier))


def with_reinstallation(recorded: Recorded, intent: Intent) -> Recorded:
    """What is recorded of a server once its reinstallation is known to be carried out, or under way."""
    declared = merge_fields(recorded.declared, intent.declared)
    baseline = {
        key: value for key, value in recorded.baseline.items() if declared.get(key) == recorded.declared.get(key)
    }
    left = {key: value for key, value in recorded.unconfirmed.items() if key not in intent.declared}
    return replace(recorded, phase=Phase.REINSTALLING, declared=declared, baseline=baseline, unconfirmed=left)


def with_unanswered_reinstallation(recorded: Recorded, intent: Intent, row: Live | None, kind: Kind) -> Recorded:
    """As `wiped`, of one whose answer was lost: with what it was to bring, where nothing shows that it was carried out."""
    after = with_reinstallation(recorded, intent)
    if row is not None and shows_reinstallation(recorded, intent, row, kind):
        return after
    shown = row.shown if row else {}
    sent: JsonObject = {
        name: {"before": shown.get(name, recorded.declared.get(name)), "after": value}
        for name, value in intent.declared.items()
        if value is not None
    }
    return replace(after, unconfirmed={**after.unconfirmed, **sent})


def shows_reinstallation(recorded: Recorded | None, intent: Intent, row: Live, kind: Kind) -> bool:
    """Whether the row shows that a reinstallation whose answer was lost was carried out. Of what was there before it as well, that it is
    shown tells nothing.
    """
    if recorded is None:
        return kind.reinstall.was_carried_out(intent, row)
    declared = {
        name: None if value == recorded.declared.get(name) and row.shown.get(name) == value else value
        for name, value in intent.declared.items()
    }
    return kind.reinstall.was_carried_out(replace(intent, declared=declared), row)


def with_listed_before(listed: Listed, intent: Intent, before: Intent | None) -> Intent:
    """With what was there before it; what is noted of it again later keeps what was there then."""
    if intent.listed or intent.all_listed or intent.effect is not Effect.PURCHASE:
        return intent
    if before is not None:
        listed = replace(listed, ids=before.listed, complete=before.all_listed)
        listed = replace(listed, orders=before.listed_orders, all_orders=before.all_orders)
    intent = replace(intent, listed=listed.ids, all_listed=listed.complete)
    return replace(intent, listed_orders=listed.orders, all_orders=listed.all_orders)


def with_facts(recorded: Recorded, entry: Remembered) -> Recorded:
    """None leaves a fact as it was."""
    return replace(
        recorded,
        phase=entry.phase,
        id=recorded.id if entry.id in {None, recorded.id} else entry.id,  # as it was first spelt
        order_id=entry.order_id or recorded.order_id,
        declared=recorded.declared if entry.declared is None else entry.declared,
        observed=recorded.observed if entry.observed is None else entry.observed,
        labels=recorded.labels if entry.labels is None else {key: str(value) for key, value in entry.labels.items()},
        protected=recorded.protected if entry.protected is None else entry.protected,
        term=entry.term or recorded.term,
        pending=recorded.pending if entry.pending is None else entry.pending,
        baseline=recorded.baseline if entry.baseline is None else entry.baseline,
        refused=recorded.refused if entry.refused is None else entry.refused,
        sold=entry.sold or recorded.sold,
        unconfirmed=recorded.unconfirmed if entry.unconfirmed is None else entry.unconfirmed,
        paid=entry.paid or recorded.paid,
    )
