"""Asks billing for the end of paid terms and for automatic renewal, with one request per fifty servers.

A plan asks only about servers whose renewal the specs decide, and only up to a bound. Apply records what it learns.
What billing does not answer is unknown, and stops nothing (docs/decisions/0011).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from provisioner.applying import CloudSnapshot
from provisioner.model.address import Address
from provisioner.model.diagnostic import Diagnostic, warning
from provisioner.model.flow import CallFailed, Service
from provisioner.model.journal import Remembered
from provisioner.model.kind import Catalogue
from provisioner.model.redaction import value_at, with_value
from provisioner.model.resource import Desired, FieldPath, Fields, FieldValue, Live, Phase, Recorded
from provisioner.model.state import State
from provisioner.model.term import Term
from provisioner.store import Session

if TYPE_CHECKING:
    from provisioner.cloud import Cloud

MOST_IN_A_PLAN = 400
"""How many servers a plan asks billing about.

These are eight requests; a plan of a thousand servers may send twelve in all.
"""


@dataclass(frozen=True, slots=True)
class SnapshotWithTerms:
    """A snapshot with billing's data in its rows. `terms` is by server id; `notes` say what billing did not answer."""

    snapshot: CloudSnapshot
    terms: Mapping[str, Term] = field(default_factory=dict)
    notes: tuple[Diagnostic, ...] = ()


async def read_renewals(
    cloud: Cloud, snapshot: CloudSnapshot, *, desired: Iterable[Desired], state: State | None, catalogue: Catalogue
) -> SnapshotWithTerms:
    """Returns the snapshot with the renewals of the prepaid servers for which both specs and record state one."""
    asked = {
        record.id: record
        for record in _servers_with_stated_renewal(desired, state, catalogue)
        if record.id in snapshot.live
    }
    if not asked:
        return SnapshotWithTerms(snapshot)
    if len(asked) > MOST_IN_A_PLAN:
        return SnapshotWithTerms(
            snapshot,
            notes=(_unread_warning(len(asked), f"more than {MOST_IN_A_PLAN} would take too many calls per plan"),),
        )
    cloud.progress.begin("Reading what is paid until when")
    try:
        terms = await read_terms(cloud, (identifier for identifier in asked if identifier is not None))
    except CallFailed as failed:
        return SnapshotWithTerms(snapshot, notes=(_unread_warning(len(asked), failed.message),))
    live: dict[str, Live] = dict(snapshot.live)
    for identifier, term in terms.items():
        row = live[identifier]
        if term.renews is not None:
            path = catalogue[row.kind].billing.renewal
            live[identifier] = replace(row, shown=with_value(row.shown, path, term.renews))
    known = sum(term.renews is not None for term in terms.values())
    unknown = len(asked) - known
    notes = (_unread_warning(unknown, "billing does not say"),) if unknown else ()
    return SnapshotWithTerms(replace(snapshot, live=live), terms, notes)


async def read_terms(cloud: Cloud, identifiers: Iterable[str]) -> dict[str, Term]:
    """Returns the terms by server id. A server that billing does not know yet, or no longer, is absent.

    Raises CallFailed. Without ids no request is sent.
    """
    wanted = tuple(identifiers)
    if not wanted:
        return {}
    from provisioner.cloud.subscriptions import list_subscriptions

    async with cloud.channel() as channel:
        found = await list_subscriptions(channel.ask, resource_ids=wanted)
    now = cloud.time(Service.BILLING).earliest() or 0
    return {one.resource_id: Term(_milliseconds(one.expires_at), one.renews, now) for one in found}


async def record_terms(
    cloud: Cloud,
    session: Session,
    catalogue: Catalogue,
    *,
    known: Mapping[str, Term] | None = None,
    changed: Collection[Address] = (),
) -> State:
    """Records the terms that billing shows, and returns the state. Raises StoreError.

    The terms in `known` have been read already. Billing is asked about the other servers that are in `changed` or whose
    recorded term is unknown or over. The entries belong to no run, as they record facts and not changes.
    """
    state = session.checkpoint()
    now = cloud.time().earliest() or 0
    ready = [one for one in prepaid(state.resources.values(), catalogue) if one.phase is Phase.READY]
    doubtful = [one.id for one in ready if one.address in changed or one.term is None or one.term.is_over(now)]
    terms = dict(known or {})
    with suppress(CallFailed):  # the next apply will ask again
        terms |= await read_terms(cloud, (each for each in doubtful if each is not None and each not in terms))
    entries = [
        Remembered(one.address, one.phase, term=term)
        for one in ready
        if (term := terms.get(one.id or "")) is not None and not term.is_same_as(one.term)
    ]
    if not entries:
        return state
    session.append(entries)
    return session.checkpoint()


def prepaid(
    recorded: Iterable[Recorded], catalogue: Catalogue, live: Mapping[str, Live] | None = None
) -> list[Recorded]:
    """Returns the recorded servers that exist and are prepaid, sorted by address.

    A row in `live` counts besides the record.
    """
    rows = live or {}
    found = (
        one for one in recorded if one.id is not None and catalogue[one.kind].billing.is_prepaid(one, rows.get(one.id))
    )
    return sorted(found, key=lambda one: one.address)


def _servers_with_stated_renewal(
    desired: Iterable[Desired], state: State | None, catalogue: Catalogue
) -> Iterable[Recorded]:
    records = state.resources if state else {}
    for wanted in desired:
        record, path = records.get(wanted.address), catalogue[wanted.kind].billing.renewal
        ignored = any(path[: len(prefix)] == prefix for prefix in wanted.lifecycle.ignore_changes)
        if (
            record is not None
            and not ignored
            and value_at(record.declared, path) is not None
            and _is_stated(wanted.fields, path)
            and prepaid([record], catalogue)
        ):
            yield record


def _is_stated(fields: Fields, path: FieldPath) -> bool:
    value: FieldValue = fields
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value is not None


def _unread_warning(count: int, why: str) -> Diagnostic:
    servers = "1 prepaid server still renews" if count == 1 else f"{count} prepaid servers still renew"
    return warning(
        "renewal-unread",
        f"nobody knows whether {servers} as the specs say: {why}",
        hint="`provisioner expiring` shows it; changes in the specs are applied anyway",
    )


def _milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else round(moment.timestamp() * 1000)
