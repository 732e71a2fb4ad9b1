"""One event of the audit log: a thing that cost money, freed a resource or decided something."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from provisioner.model.address import Address
from provisioner.model.history import HistoryEntry


class AuditEventType(StrEnum):
    BOUGHT = "bought"
    ORDERED = "ordered"
    """An order was placed. Whether it is paid shows in a payment of ours, or in the order."""
    PAID = "paid"
    SENT_PAYMENT = "sent payment"
    """The answer was lost; the order shows whether the money was taken."""
    CANCELLED = "cancelled"
    """An order that nobody had paid was cancelled."""
    ASKED_TO_CANCEL = "asked to cancel"
    """The answer was lost; the order shows whether it was cancelled."""
    ADOPTED = "adopted"
    IMPORTED = "imported"
    """A server that existed already was taken over; nothing was bought for it."""
    MOVED = "moved"
    """The record now stands under another address."""
    FOUND = "found"
    """The server of an order that was placed earlier became known."""
    ASKED_TO_RELEASE = "asked to release"
    RELEASED = "released"
    REINSTALLED = "reinstalled"
    FORGOT = "forgot"
    RENAMED = "renamed"
    STATE_RENAMED = "state renamed"
    STATE_MOVED = "state moved"
    """The state is kept elsewhere from then on."""
    TOOK_OVER = "took over lock"
    """The run that held it showed no sign of life."""
    CHANGED = "changed"
    NOTICED = "noticed"
    """A change that somebody else made was recorded."""
    STATED = "stated"
    """What the specs newly state was true already and is recorded as declared or assumed; nothing was sent."""
    REFUSED = "refused"
    NOT_SENT = "not sent"
    IN_FLIGHT = "in flight"
    IN_DOUBT = "in doubt"
    UNSETTLED = "unsettled"
    """No answer is recorded for a call that was not a purchase."""
    OBSERVED = "settled"
    ABSENT = "settled absent"
    UNPAID = "awaits payment"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """`history_entry` is the record that the event is listed at, and `detail` a clause for the reader."""

    history_entry: HistoryEntry
    type: AuditEventType
    address: Address | None
    detail: str = ""
    id: str | None = None
    order_id: str | None = None
    request_id: str | None = None
