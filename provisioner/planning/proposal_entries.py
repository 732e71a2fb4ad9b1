"""Converts a proposal to journal entries that replay to exactly its state, so that a rebuilt state is a checkpoint of
its journal like any other.

Each server becomes an intent that a person's approval adopted, with the evidence. Calls in doubt, and purchases
presumed absent, are written as they were. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from provisioner.model.flow import Effect
from provisioner.model.journal import Adopted, Entry, Intended, Remembered, Settled, Stated
from provisioner.model.proposal import Proposal, Row
from provisioner.model.resource import Recorded
from provisioner.model.state import Intent


def proposal_to_entries(proposal: Proposal, *, now: int, who: str) -> Iterator[Entry]:
    """Yields the entries. `now` is in milliseconds since the epoch. Purchases that have ended come before open calls:
    an address has one open purchase at a time, and a release in doubt needs its record.
    """
    for intent in proposal.absent:
        yield Intended(intent)
        yield Settled(intent.id, "absent", "rebuilt: it was believed never to have been carried out")
    for row in proposal.rows:
        if row.recorded is not None:
            yield from _record(row.recorded, row, now=now, who=who)
    for intent in {row.intent.id: row.intent for row in proposal.rows if row.intent is not None}.values():
        yield Intended(intent)


def _record(recorded: Recorded, row: Row, *, now: int, who: str) -> Iterator[Entry]:
    intent = Intent(
        id=f"rebuilt {recorded.address}",
        address=recorded.address,
        kind=recorded.kind,
        attempt=1,
        effect=Effect.PURCHASE,
        name=recorded.name,
        request={},
        declared=recorded.declared,
        sent_at=now,
        server_time=now,
        who=who,
        labels=recorded.labels,
        protected=recorded.protected,
    )
    evidence = f"rebuilt, {row.confidence.value}: {row.reason}"
    yield Intended(intent)
    yield Adopted(intent.id, recorded.id, evidence, recorded.order_id)
    yield Remembered(
        recorded.address,
        recorded.phase,
        observed=recorded.observed,
        pending=recorded.pending,
        baseline=recorded.baseline or None,
        refused=recorded.refused or None,
        sold=recorded.sold,
        unconfirmed=recorded.unconfirmed or None,
        paid=recorded.paid or None,
        term=recorded.term,
    )
    if recorded.assumed:
        yield Stated(recorded.address, recorded.declared, recorded.assumed, recorded.baseline)
