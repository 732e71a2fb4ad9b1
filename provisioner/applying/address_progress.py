"""How far one address has come in this run: what is known of its server, and what whoever watches is told.

Nothing is decided here. What is to outlast the run is in the journal; this is only what the run has in memory.
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
from provisioner.model.flow import Remark
from provisioner.model.kind import Kind
from provisioner.model.resource import Desired, Live, Phase, Recorded
from provisioner.model.state import Intent

_SECONDS_BETWEEN_SIGNS_OF_LIFE = 10.0


@dataclass(slots=True)
class AddressProgress:
    """What the run knows of one address, and how sure it is: written by whoever learns it, read when its change ends."""

    recorded: Recorded | None = None
    """What the flow starts from: None for a purchase, also for one that replaces."""
    declared: JsonObject = field(default_factory=dict)
    observed: JsonObject = field(default_factory=dict)
    """What was shown of it, now or before: what one row leaves out tells nothing."""
    refused: JsonObject = field(default_factory=dict)
    """What the cloud refuses for it for good, by field."""
    identifier: str | None = None
    order_id: str | None = None
    under_way: bool = False
    """The cloud has, or may have, something to finish that this run or an earlier one asked for."""
    unrecorded: bool = False
    """Bought, and the ids are not yet known to be on disk."""
    doubt: Intent | None = None
    """The purchase whose outcome is not known."""
    unsettled: Intent | None = None
    """The last call of this run, other than a purchase, that got no usable answer and is left for the next run to settle."""
    purchase: Intent | None = None
    """Answered in this run, while no row has shown what it was answered with."""
    answered_id: str = ""
    """Of the answer to a purchase, where that cannot be its server's."""
    bought: tuple[Recorded, ...] = ()
    """What its purchase has become, of every address that it was for."""

    @classmethod
    def of(cls, recorded: Recorded | None) -> AddressProgress:
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

    def learn(self, recorded: Recorded) -> None:
        """Takes over what is recorded of its purchase, whose outcome is known now."""
        self.declared, self.identifier, self.order_id = recorded.declared, recorded.id, recorded.order_id
        self.under_way, self.doubt = True, None

    def share(self, other: AddressProgress, address: Address) -> None:
        """Takes over the outcome of a call that `other` made for this address, too."""
        if (mine := next((one for one in other.bought if one.address == address), None)) is not None:
            self.learn(mine)
        self.under_way, self.unrecorded, self.doubt = other.under_way, other.unrecorded, other.doubt

    @property
    def may_exist(self) -> bool:
        """Whether something is bought for this address, or may be."""
        return bool(self.identifier or self.order_id or self.doubt or self.under_way or self.unrecorded)

    @property
    def seen(self) -> bool:
        """Whether some list has shown its server, now or before."""
        return bool(self.observed)

    @property
    def ids(self) -> str:
        """Returns its ids as people read them, " (id ..., order ...)", or nothing."""
        known = [f"id {self.identifier}" if self.identifier else "", f"order {self.order_id}" if self.order_id else ""]
        told = ", ".join(filter(None, known))
        return f" ({told})" if told else ""


def wanted_otherwise(
    context: RunContext, kind: Kind, desired: Desired, recorded: Recorded, progress: AddressProgress
) -> str:
    """Returns the fields of the specs that differ from what was bought. Ignored and hidden fields do not count, nor what was sold otherwise."""
    now = kind.lasting_fields(kind.redact(desired.fields, context.secrets.fingerprint))
    bought = kind.lasting_fields(progress.declared)
    ignored = {path[0] for path in (*desired.lifecycle.ignore_changes, *kind.sensitive())}
    passed_over = ignored | progress.refused.keys()
    sold = [kind.billing.sold_otherwise(recorded, None, specs, context.policy) for specs in (None, desired.fields)]
    passed_over |= {kind.billing.field} if sold[0] and not sold[1] else set()
    return ", ".join(key for key in sorted({*now, *bought} - passed_over) if now.get(key) != bought.get(key))


@dataclass(slots=True)
class EventReporter:
    """Announces the events of one change. `started`, in the clock's monotonic seconds, is None until it has announced that it begins."""

    listen: Listener
    clock: ClockPort
    change: Change
    started: float | None = None
    _last_sign: tuple[float, str] | None = None

    def start(self) -> None:
        """Announces once that the change has begun."""
        if self.started is None:
            self.started = self.clock.monotonic()
            self.announce(EventType.STARTED)

    @property
    def last_shown(self) -> str:
        """The status that the last look of a wait showed; empty before the first look."""
        return self._last_sign[1] if self._last_sign else ""

    def show_progress(self, row: Live | None) -> None:
        """Announces the status when it changes, and every ten seconds while it does not."""
        now, status = self.clock.monotonic(), row.status if row else "not listed"
        then, before = self._last_sign or (now, status)
        self._last_sign = self._last_sign or (now, status)
        if status != before or now - then >= _SECONDS_BETWEEN_SIGNS_OF_LIFE:
            self._last_sign = (now, status)
            self.announce(EventType.WAITING, detail=status)

    def remark(self, remark: Remark) -> None:
        """Announces what a person should know and need not act upon at once."""
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
