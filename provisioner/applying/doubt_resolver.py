"""Looks for what a purchase in doubt became, while the rest of the run goes on: it sends nothing.

Exactly one free server that fits is adopted. None, or several, leave the doubt open: time or a person will tell
(docs/decisions/0008).
"""

from __future__ import annotations

from provisioner.applying.address_progress import EventReporter
from provisioner.applying.list_poll import Detached, ListSnapshot, TimedOut, Watch
from provisioner.applying.ports import OtherStatesPort
from provisioner.applying.run_context import RunContext
from provisioner.model.diagnostic import ProvisionerError
from provisioner.model.flow import CallFailed
from provisioner.model.journal import Adopted
from provisioner.model.kind import Kind
from provisioner.model.outcome import purchase_records
from provisioner.model.resource import Live, Recorded
from provisioner.model.state import Intent


class SeveralFit(Exception):  # noqa: N818 - a decision, not a malfunction
    """More than one live server fits a purchase in doubt."""

    def __init__(self, candidates: tuple[Live, ...]) -> None:
        super().__init__(", ".join(row.id for row in candidates))
        self.candidates = candidates


class StillInDoubt(Exception):  # noqa: N818 - a decision, not a malfunction
    """A purchase has an unknown outcome, and looking for it, which ended for a `reason`, has not told; None where it is nothing
    to be looked for. `because` is how the doubt came about in this run; None when an earlier one left it.
    """

    def __init__(self, reason: Exception | None, because: CallFailed | None) -> None:
        super().__init__(str(reason or because))
        self.reason = reason
        self.because = because


def adoption(intent: Intent, found: Live, kind: Kind) -> Adopted:
    """Returns the journal entry that adopts the one server that a purchase in doubt can have become."""
    evidence = f"the only live {kind.noun} named {intent.name} that fits the request"
    return Adopted(intent.id, found.id, evidence, found.order_id)


def nobody_elses(fitting: tuple[Live, ...], other_states: OtherStatesPort) -> tuple[Live, ...]:
    """Returns those of the fitting servers that no other state holds or may have bought."""
    claimed = other_states(fitting) if fitting else ()
    return tuple(row for row in fitting if row.id not in claimed)


async def resolve(
    context: RunContext, kind: Kind, intent: Intent, reporter: EventReporter, *, because: CallFailed | None
) -> Recorded:
    """What is recorded from now on of the one server that a purchase has become. Raises StillInDoubt, and StoreError. What was bought by
    one call is not looked for: its servers are known by an order, and which that is nobody has said.
    """
    if intent.members:
        raise StillInDoubt(None, because)
    reporter.start()
    try:
        return await _adopt(context, kind, intent, watch=reporter.show_progress)
    except (CallFailed, Detached, ProvisionerError, SeveralFit, TimedOut) as reason:
        raise StillInDoubt(reason, because) from reason


async def _adopt(context: RunContext, kind: Kind, intent: Intent, *, watch: Watch) -> Recorded:
    """Raises TimedOut when nothing fits in time, SeveralFit, Detached, CallFailed when looking is in vain, and StoreError."""
    if context.resolve_timeout <= 0:
        raise TimedOut

    def pick(listing: ListSnapshot) -> Live | None:
        """Picks nothing from a list that may hide a server of that name, because the hidden one might fit as well."""
        if listing.may_hide(intent.kind, {intent.name, *intent.names}):
            return None
        free = (row for row in listing.rows.values() if context.ids.are_free(row.id, row.order_id))
        candidates = nobody_elses(kind.match(intent, free), context.other_states)
        if len(candidates) > 1:
            raise SeveralFit(candidates)
        return next(iter(candidates), None)

    deadline = context.clock.monotonic() + context.resolve_timeout
    row = await context.poll.seek(pick, lambda found: found is not None, deadline=deadline, watch=watch)
    if row is None:
        raise TimedOut
    context.ids.take(intent.address, row.id, row.order_id)
    await context.journal.write(adoption(intent, row, kind))
    (recorded,) = purchase_records(intent, identifier=row.id, order_id=row.order_id)
    return recorded
