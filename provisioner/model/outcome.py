"""How the answer to a call and remembered facts change records: a purchase makes the records of its servers, and a
reinstallation changes what is declared. Pure.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from provisioner.model.canonical import JsonObject
from provisioner.model.content import referenced_texts
from provisioner.model.flow import Effect
from provisioner.model.redaction import merge_fields
from provisioner.model.resource import Live, Phase, Recorded
from provisioner.model.state import Intent

if TYPE_CHECKING:
    from provisioner.model.journal import Listed, Remembered
    from provisioner.model.kind import Kind


def purchase_records(intent: Intent, *, identifier: str | None, order_id: str | None) -> tuple[Recorded, ...]:
    """Returns the records of a purchase as soon as its ids are known, before anything else about it is. For several
    servers only the order is recorded, because the API does not say which of them a single id names (API reference
    section 3.4).
    """
    record = Recorded(
        address=intent.address,
        kind=intent.kind,
        phase=Phase.ORDERING if identifier is None else Phase.CREATING,
        declared=intent.declared,
        id=identifier,
        order_id=order_id,
        labels=intent.labels,
        protected=intent.protected,
        bought_by=intent.sender,
        contents=intent.contents,
    )
    if not intent.members:
        return (record,)
    return tuple(
        replace(
            record,
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
    """Notes, in `absent`, that purchases of the same name presumed absent have not bought this server of `intent`."""
    if intent is None or identifier is None:
        return
    for key, purchase in absent.items():
        if (purchase.kind, purchase.name) == (intent.kind, intent.name) and identifier not in purchase.earlier_ids:
            absent[key] = replace(purchase, earlier_ids=(*purchase.earlier_ids, identifier))


def with_reinstallation(recorded: Recorded, intent: Intent) -> Recorded:
    """Returns the record of a server whose reinstallation is known to be carried out or under way."""
    declared = merge_fields(recorded.declared, intent.declared)
    baseline = {
        key: value for key, value in recorded.baseline.items() if declared.get(key) == recorded.declared.get(key)
    }
    unconfirmed = {key: value for key, value in recorded.unconfirmed.items() if key not in intent.declared}
    return replace(
        recorded,
        phase=Phase.REINSTALLING,
        declared=declared,
        baseline=baseline,
        unconfirmed=unconfirmed,
        contents=referenced_texts({**recorded.contents, **intent.contents}, declared, unconfirmed),
    )


def with_unanswered_reinstallation(recorded: Recorded, intent: Intent, row: Live | None, kind: Kind) -> Recorded:
    """Returns the record like `with_reinstallation`, for a call whose answer was lost: unless the row shows that it was
    carried out, what it was to change is recorded as unconfirmed.
    """
    after = with_reinstallation(recorded, intent)
    if row is not None and shows_reinstallation(recorded, intent, row, kind):
        return after
    shown = row.shown if row else {}
    sent: JsonObject = {
        name: {"before": shown.get(name, recorded.declared.get(name)), "after": value}
        for name, value in intent.declared.items()
        if value is not None
    }
    unconfirmed: JsonObject = {**after.unconfirmed, **sent}
    known = {**recorded.contents, **after.contents}
    return replace(after, unconfirmed=unconfirmed, contents=referenced_texts(known, after.declared, unconfirmed))


def shows_reinstallation(recorded: Recorded | None, intent: Intent, row: Live, kind: Kind) -> bool:
    """Returns whether the row shows that a reinstallation whose answer was lost was carried out. A value that was the
    same before the call proves nothing.
    """
    if recorded is None:
        return kind.reinstall.was_carried_out(intent, row)
    declared = {
        name: None if value == recorded.declared.get(name) and row.shown.get(name) == value else value
        for name, value in intent.declared.items()
    }
    return kind.reinstall.was_carried_out(replace(intent, declared=declared), row)


def with_listed_before(listed: Listed, intent: Intent, before: Intent | None) -> Intent:
    """Returns a purchase intent with the servers and orders that were listed before it. An intent that is journaled
    again keeps what was listed when it was journaled first (`before`).
    """
    if intent.listed or intent.all_listed or intent.effect is not Effect.PURCHASE:
        return intent
    if before is not None:
        listed = replace(listed, ids=before.listed, complete=before.all_listed)
        listed = replace(listed, orders=before.listed_orders, all_orders=before.all_orders)
    intent = replace(intent, listed=listed.ids, all_listed=listed.complete)
    return replace(intent, listed_orders=listed.orders, all_orders=listed.all_orders)


def with_facts(recorded: Recorded, entry: Remembered) -> Recorded:
    """Returns the record with the remembered facts; None leaves a fact unchanged."""
    return replace(
        recorded,
        phase=entry.phase,
        id=recorded.id if entry.id in {None, recorded.id} else entry.id,  # keeps the first spelling
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
