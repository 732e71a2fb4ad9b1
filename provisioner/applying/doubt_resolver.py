"""Looks for the server of a purchase in doubt while the rest of the run goes on. It sends nothing but reads.

If exactly one free server fits, it is adopted. If none or several fit, the doubt stays open until time or a person
settles it (docs/decisions/0008).
"""

from __future__ import annotations

from provisioner.applying.address_progress import EventReporter
from provisioner.applying.list_poll import Watch
from provisioner.applying.list_snapshot import Detached, ListSnapshot, TimedOut
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
    """The outcome of a purchase is not known, and looking for its server has not settled it. `reason` is what ended the
    search; None: it was not searched for. `cause` is the failure that left the purchase in doubt in this run; None: an
    earlier run left it.
    """

    def __init__(self, reason: Exception | None, cause: CallFailed | None) -> None:
        super().__init__(str(reason or cause))
        self.reason = reason
        self.cause = cause


def adoption(intent: Intent, found: Live, kind: Kind) -> Adopted:
    """Returns the journal entry that adopts the one server that a purchase in doubt can have become."""
    evidence = f"the only live {kind.noun} named {intent.name} that fits the request"
    return Adopted(intent.id, found.id, evidence, found.order_id)


def without_claimed(fitting: tuple[Live, ...], other_states: OtherStatesPort) -> tuple[Live, ...]:
    """Returns those of the fitting servers that no other state holds or may have bought."""
    claimed = other_states(fitting) if fitting else ()
    return tuple(row for row in fitting if row.id not in claimed)


async def resolve(
    context: RunContext, kind: Kind, intent: Intent, reporter: EventReporter, *, cause: CallFailed | None
) -> Recorded:
    """Adopts the one server that a purchase in doubt has become, and returns its record. Raises StillInDoubt and
    StoreError. The servers of a group purchase are not looked for: they would be known by their order, and nobody has
    named it.
    """
    if intent.members:
        raise StillInDoubt(None, cause)
    reporter.start()
    try:
        return await _adopt(context, kind, intent, watch=reporter.report_status)
    except (CallFailed, Detached, ProvisionerError, SeveralFit, TimedOut) as reason:
        raise StillInDoubt(reason, cause) from reason


async def _adopt(context: RunContext, kind: Kind, intent: Intent, *, watch: Watch) -> Recorded:
    """Raises TimedOut if nothing fits in time, SeveralFit, Detached, CallFailed if the list cannot be read, and
    StoreError.
    """
    if context.resolve_timeout <= 0:
        raise TimedOut

    def pick(listing: ListSnapshot) -> Live | None:
        """Returns the one server that fits, or None. A list that may hide a server of that name yields none: the hidden
        one might fit too.
        """
        if listing.may_hide(intent.kind, {intent.name, *intent.names}):
            return None
        free = (row for row in listing.rows.values() if context.ids.are_free(row.id, row.order_id))
        candidates = without_claimed(kind.match(intent, free), context.other_states)
        if len(candidates) > 1:
            raise SeveralFit(candidates)
        return next(iter(candidates), None)

    deadline = context.clock.monotonic() + context.resolve_timeout
    row = await context.poll.find(pick, lambda found: found is not None, deadline=deadline, watch=watch)
    if row is None:
        raise TimedOut
    context.ids.register(intent.address, row.id, row.order_id)
    await context.journal.write(adoption(intent, row, kind))
    (recorded,) = purchase_records(intent, identifier=row.id, order_id=row.order_id)
    return recorded
