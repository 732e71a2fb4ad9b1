"""How far one address has come in this run: what the run knows of its server, and the events that it announces.

Nothing is decided here. What must outlast the run stands in the journal; this is only what the run has in memory.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from provisioner.applying.ports import ClockPort
from provisioner.applying.run_context import RunContext
from provisioner.model.address import Address
from provisioner.model.canonical import JsonObject
from provisioner.model.change import Change
from provisioner.model.diagnostic import Diagnostic, warning
from provisioner.model.event import Event, EventType, Listener
from provisioner.model.flow import Effect, Remark
from provisioner.model.journal import Answered, Settled
from provisioner.model.kind import Kind
from provisioner.model.redaction import leaves, value_at
from provisioner.model.resource import Desired, Live, Phase, Recorded
from provisioner.model.state import Intent

_HEARTBEAT = 10.0
"""How many seconds may pass without an event while a server is waited for."""


@dataclass(frozen=True, slots=True)
class UnrecordedAnswer:
    """The outcome of a call that the journal has not taken. `kept_in` names another place that holds it; empty when no
    place does.
    """

    intent: Intent
    answer: Answered | Settled
    kept_in: str = ""

    @property
    def is_purchase(self) -> bool:
        """Whether it tells of something bought."""
        return self.intent.effect is Effect.PURCHASE and isinstance(self.answer, Answered)

    @property
    def leaves_doubt(self) -> bool:
        return self.intent.effect is Effect.PURCHASE and not self.kept_in


@dataclass(slots=True)
class AddressProgress:
    """What the run knows of one address, and how sure it is. Whoever learns something writes it here; it is read when
    the change ends.
    """

    recorded: Recorded | None = None
    """The record that the flow starts from. None for a purchase, also for that of a replacement."""
    declared: JsonObject = field(default_factory=dict)
    observed: JsonObject = field(default_factory=dict)
    """What rows have shown of the server, now or before. A field that one row leaves out keeps its value."""
    refused: JsonObject = field(default_factory=dict)
    """By field: what the cloud refuses for this server for good."""
    identifier: str | None = None
    order_id: str | None = None
    under_way: bool = False
    """Whether the cloud has, or may have, something to finish that this run or an earlier one asked for."""
    unrecorded: UnrecordedAnswer | None = None
    """What is known of the outcome of a call, and is not yet known to be on disk."""
    doubt: Intent | None = None
    """The purchase whose outcome is not known."""
    unsettled: Intent | None = None
    """The last call of this run, other than a purchase, that got no usable answer and is left for the next run to
    settle.
    """
    unverified_purchase: Intent | None = None
    """The purchase that was answered in this run, until a row shows the server that its answer named."""
    answered_id: str = ""
    """The id in the answer to a purchase, if that cannot be the id of its server."""
    bought: tuple[Recorded, ...] = ()
    """The records that the purchase has led to, one for every address that it was for."""

    @classmethod
    def from_record(cls, recorded: Recorded | None) -> AddressProgress:
        if recorded is None:
            return cls()
        return cls(
            recorded=recorded,
            declared=recorded.declared,
            observed=recorded.observed,
            refused=recorded.refused,
            identifier=recorded.id,
            order_id=recorded.order_id,
            under_way=recorded.phase not in {Phase.READY, Phase.FAILED} or bool(recorded.pending),
        )

    def take_over(self, recorded: Recorded) -> None:
        """Takes over the record of a purchase whose outcome is known now."""
        self.declared, self.identifier, self.order_id = recorded.declared, recorded.id, recorded.order_id
        self.under_way, self.doubt = True, None

    def copy_outcome(self, other: AddressProgress, address: Address) -> None:
        """Takes over the outcome of the call that `other` has made for this `address`, too."""
        if (own := next((one for one in other.bought if one.address == address), None)) is not None:
            self.take_over(own)
        self.under_way, self.unrecorded, self.doubt = other.under_way, other.unrecorded, other.doubt

    @property
    def may_exist(self) -> bool:
        """Whether something is, or may be, bought for this address."""
        return bool(
            self.identifier or self.order_id or self.doubt or self.under_way or (self.unrecorded and self.bought)
        )

    @property
    def leaves_doubt(self) -> bool:
        """Whether the journal holds a purchase of this run whose outcome the next run has to find out."""
        return self.doubt is not None or (self.unrecorded is not None and self.unrecorded.leaves_doubt)

    @property
    def was_listed(self) -> bool:
        """Whether some list has shown the server, now or before."""
        return bool(self.observed)

    @property
    def ids(self) -> str:
        """Returns its ids as people read them, " (id ..., order ...)", or nothing."""
        known = [f"id {self.identifier}" if self.identifier else "", f"order {self.order_id}" if self.order_id else ""]
        text = ", ".join(filter(None, known))
        return f" ({text})" if text else ""


def fields_changed_since_purchase(
    context: RunContext, kind: Kind, desired: Desired, recorded: Recorded, progress: AddressProgress
) -> str:
    """Returns the fields, separated by commas, in which the specs differ from what was bought. Fields that are ignored
    or hidden do not count, nor those that the cloud refuses, nor the charging mode if the cloud sold another one.
    """
    now = kind.lasting_fields(kind.redact(desired.fields, context.secrets.fingerprint))
    bought = kind.lasting_fields(progress.declared)
    ignored = {path[0] for path in (*desired.lifecycle.ignore_changes, *kind.sensitive())}
    excluded = ignored | progress.refused.keys()
    sold = [kind.billing.sold_otherwise(recorded, None, specs, context.policy) for specs in (None, desired.fields)]
    excluded |= {kind.billing.field} if sold[0] and not sold[1] else set()
    return ", ".join(key for key in sorted({*now, *bought} - excluded) if now.get(key) != bought.get(key))


@dataclass(slots=True)
class EventReporter:
    """Announces the events of one change. `started` is when it announced that the change begins, in the clock's
    monotonic seconds; None before that.
    """

    listen: Listener
    clock: ClockPort
    change: Change
    started: float | None = None
    _last_report: tuple[float, str] | None = None
    """When a status was last announced, and which."""

    def start(self) -> None:
        """Announces once that the change has begun."""
        if self.started is None:
            self.started = self.clock.monotonic()
            self.announce(EventType.STARTED)

    @property
    def last_status(self) -> str:
        """The status that the last reading of a wait showed; empty before the first one."""
        return self._last_report[1] if self._last_report else ""

    def report_status(self, row: Live | None) -> None:
        """Announces the status when it changes, and every ten seconds while it does not."""
        now, status = self.clock.monotonic(), row.status if row else "not listed"
        then, before = self._last_report or (now, status)
        self._last_report = self._last_report or (now, status)
        if status != before or now - then >= _HEARTBEAT:
            self._last_report = (now, status)
            self.announce(EventType.WAITING, detail=status)

    def remark(self, remark: Remark) -> None:
        """Announces what a person should know but need not act upon at once."""
        address = self.change.address
        finding = warning(remark.code, f"{address}: {remark.summary}", hint=remark.hint, address=address)
        self.announce(EventType.NOTICE, finding=finding)

    def announce(
        self,
        event: EventType,
        *,
        detail: str = "",
        identifier: str | None = None,
        order_id: str | None = None,
        finding: Diagnostic | None = None,
        built: bool = False,
    ) -> None:
        self.listen(
            Event(
                event,
                self.change.address,
                self.change.action,
                detail=detail,
                id=identifier,
                order_id=order_id,
                built=built,
                elapsed=0.0 if self.started is None else self.clock.monotonic() - self.started,
                diagnostic=finding,
            )
        )


def new_baseline(
    kind: Kind, progress: AddressProgress, reporter: EventReporter, shown: JsonObject | None
) -> JsonObject | None:
    """Returns and announces where the first row differs from what was declared. Only the run that sees that row
    announces it.
    """
    if shown is None or not (baseline := kind.baseline(progress.declared, shown)):
        return None
    fields = "; ".join(
        f"{'.'.join(path)} is {now!r} and {value_at(progress.declared, path)!r} was declared"
        for path, now in leaves(baseline)
    )
    remark = Remark(
        "shown-otherwise",
        f"the first answer about it shows other values than were bought: {fields}",
        "look at it in the console; if it is only another spelling, do nothing. Later plans do not report this again",
    )
    reporter.remark(remark)
    return baseline
