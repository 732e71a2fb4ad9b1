"""What we believe we own, as one immutable value, and the one function that says when such a value is valid.

A state is a checkpoint of the journal: `head` names the last record it includes. It knows nothing of files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from provisioner.model.address import Address
from provisioner.model.canonical import JsonObject
from provisioner.model.flow import Effect
from provisioner.model.identity import Identity
from provisioner.model.resource import Phase, Recorded
from provisioner.model.resource_id import coerce_ids, resource_id

_SHOWN = 10
_WELL_BEFORE = 60 * 60 * 1000
"""Milliseconds: by more than any two clocks of the cloud are known to differ."""
_EARLIEST_MOMENT = 1_262_304_000_000
"""2010, in milliseconds since the epoch: what is told to be older is no time of these servers (seconds, zero, a negative number)."""


def is_plausible_time(milliseconds: int | None) -> bool:
    """Whether the time that a row tells can be true."""
    return milliseconds is not None and milliseconds >= _EARLIEST_MOMENT


@dataclass(frozen=True, slots=True)
class JournalHead:
    """The last record's sequence number and hash; (0, "") before the first."""

    sequence: int = 0
    hash: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """One of several servers that a single call buys: what it is to be called and what we keep of it beside the request."""

    address: Address
    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    protected: bool = False


@dataclass(frozen=True, slots=True)
class Intent:
    """The durable note that a purchase or another destructive call is about to be sent.

    Open until the journal says how it ended; an open intent whose sender is gone is *in doubt*, or *unsettled* where it is no
    purchase. `request` is the call with secrets and opaque content as fingerprints. `name` is that of the request, marker
    included; the wanted one is in `declared`. Times are milliseconds since the epoch; `server_time` is the cloud's clock as last seen in a Date header.
    """

    id: str
    address: Address
    kind: str
    attempt: int
    effect: Effect
    name: str
    request: JsonObject
    declared: JsonObject
    sent_at: int
    server_time: int
    who: str
    labels: Mapping[str, str] = field(default_factory=dict)
    earlier_ids: tuple[str, ...] = ()
    """Ids that already bore this name when the run began: never ours by this intent."""
    listed: tuple[str, ...] = ()
    """All ids that were listed before it: never ours by this intent either. Empty where no list was noted."""
    all_listed: bool = False
    """That list was noted, and had no gap: an id that is not in `listed` is new, whatever its row says of its age."""
    listed_orders: tuple[str, ...] = ()
    """The orders that were known before it, by rows, by billing and by states: none of them is its own."""
    all_orders: bool = False
    """Billing was asked then, and answered: an order that is not in `listed_orders` is new, whatever its date."""
    answered_id: str = ""
    """The id that an answer named, or whose row showed, as something else than was asked for: while it is listed, its purchase is in doubt."""
    target_id: str | None = None
    """The server that a destructive call or a wipe is about, or the order that a payment or a cancellation is."""
    protected: bool = False
    unknown_since: int | None = None
    """When its outcome turned out to be unknown, in the cloud's time: silence is counted from then on. None: never told."""
    sender: str = ""
    """Who sent it, as the cloud knows him, by a pseudonym: a list may show each user his own servers only. Empty where nobody can tell."""
    passed_over_orders: tuple[str, ...] = ()
    """Of a purchase that a person called absent: the orders that may have been it and were not over then."""
    members: tuple[Member, ...] = ()
    """Of a purchase of several by one call, `address` the first of them. They share its order and its doubt."""

    def __post_init__(self) -> None:
        coerce_ids(self, "earlier_ids", "listed", "answered_id", *(() if self.effect.targets_order else ("target_id",)))

    @property
    def known_before(self) -> frozenset[str]:
        """The ids that are not its server's."""
        return frozenset((*self.earlier_ids, *self.listed))

    def existed_before(self, row_id: str, made_at: int | None) -> bool:
        """Whether a server was there before it. An id tells that, where all that was listed before is known. Else a time does that can be
        true and lies well before the request.
        """
        if row_id in self.known_before:
            return True
        if self.all_listed or made_at is None or not is_plausible_time(made_at):
            return False
        return made_at < self.server_time - _WELL_BEFORE

    @property
    def addresses(self) -> tuple[Address, ...]:
        """All that it is about."""
        return tuple(member.address for member in self.members) or (self.address,)

    @property
    def address_list(self) -> str:
        """For people: its addresses, the first of them where they are many."""
        shown = ", ".join(map(str, self.addresses[:_SHOWN]))
        return shown if len(self.addresses) <= _SHOWN else f"{shown} and {len(self.addresses) - _SHOWN} more"

    @property
    def names(self) -> Mapping[str, Address]:
        """The names that its servers are to bear in the end."""
        return {member.name: member.address for member in self.members} or {self.wanted_name: self.address}

    def is_protected(self, address: Address) -> bool:
        return next((member.protected for member in self.members if member.address == address), self.protected)

    @property
    def wanted_name(self) -> str:
        return str(self.declared.get("name", self.name))

    @property
    def is_marked(self) -> bool:
        """It was sent under a name that nobody else can have."""
        return self.effect is Effect.PURCHASE and self.name != self.wanted_name


@dataclass(frozen=True, slots=True)
class State:
    stack: str
    environment: str | None
    lineage: str
    serial: int
    identity: Identity
    resources: Mapping[Address, Recorded] = field(default_factory=dict)
    intents: Mapping[str, Intent] = field(default_factory=dict)
    absent: Mapping[str, Intent] = field(default_factory=dict)
    """Purchases that were believed never to have been carried out. Should one appear after all, it is known as ours."""
    released: Mapping[str, Address] = field(default_factory=dict)
    """The servers that were last released, by their ids: one that is listed again has not gone, and is paid for."""
    listed: tuple[str, ...] = ()
    """What the run that is under way noted as there before its purchases; likewise the next three."""
    all_listed: bool = False
    listed_orders: tuple[str, ...] = ()
    all_orders: bool = False
    head: JournalHead = JournalHead()

    def __post_init__(self) -> None:
        coerce_ids(self, "listed")
        if not all(map(str.islower, self.released)):  # what has no letters is no harm
            object.__setattr__(self, "released", {resource_id(key): one for key, one in self.released.items()})

    def open_intent(self, address: Address) -> Intent | None:
        """A purchase before any other call."""
        others = (intent for intent in self.intents.values() if address in intent.addresses)
        return self.doubts.get(address) or next(others, None)

    @property
    def doubts(self) -> Mapping[Address, Intent]:
        """The purchases in doubt, by every address that they are about."""
        return {address: intent for intent in self.purchases_in_doubt for address in intent.addresses}

    @property
    def purchases_in_doubt(self) -> tuple[Intent, ...]:
        return tuple(intent for intent in self.in_doubt if intent.effect is Effect.PURCHASE)

    @property
    def unsettled(self) -> tuple[Intent, ...]:
        """The other open calls (releases, reinstallations, payments, cancellations): the next apply settles each of them first."""
        return tuple(intent for intent in self.in_doubt if intent.effect is not Effect.PURCHASE)

    @property
    def open_releases(self) -> Mapping[str, tuple[str, ...]]:
        """The ids of their intents, by that of the server."""
        released = [one for one in self.unsettled if one.effect is Effect.DESTRUCTIVE and one.target_id is not None]
        return {
            one.target_id or "": tuple(each.id for each in released if each.target_id == one.target_id)
            for one in released
        }

    @property
    def in_doubt(self) -> tuple[Intent, ...]:
        """Open intents by address; of a run that is still alive they are merely in flight."""
        return tuple(sorted(self.intents.values(), key=lambda intent: intent.address))

    def problems(self) -> Iterator[str]:
        """Every broken invariant, in words. A state with none is valid; reading, writing and the tests all ask here."""
        if not self.lineage:
            yield "the lineage is empty"
        if self.serial < 1:
            yield f"the serial {self.serial} is below 1"
        if (self.head.sequence == 0) != (self.head.hash == ""):
            yield "the journal's head has a sequence without a hash or a hash without a sequence"
        for address, recorded in self.resources.items():
            yield from _record_problems(address, recorded)
        owners = Counter(recorded.id for recorded in self.resources.values() if recorded.id is not None)
        for identifier, count in owners.items():
            if count > 1:
                yield f"the id {identifier} belongs to {count} addresses"
        for key, intent in (*self.intents.items(), *self.absent.items()):
            yield from _intent_problems(key, intent)
        open_purchases = (intent for intent in self.intents.values() if intent.effect is Effect.PURCHASE)
        purchases = Counter(address for intent in open_purchases for address in intent.addresses)
        for address, count in purchases.items():
            if count > 1:
                yield f"{address} has {count} purchases under way"


def _intent_problems(key: str, intent: Intent) -> Iterator[str]:
    if key != intent.id:
        yield f"the intent {intent.id} is filed under {key}"
    if not intent.effect.is_journaled:
        yield f"the intent {intent.id} is for a {intent.effect} call, which needs none"
    if intent.members and (intent.effect is not Effect.PURCHASE or intent.address != intent.addresses[0]):
        yield f"the intent {intent.id} has members and is no purchase of theirs"


def _record_problems(address: Address, recorded: Recorded) -> Iterator[str]:
    if recorded.address != address:
        yield f"the record of {recorded.address} is filed under {address}"
    if recorded.id is None and recorded.order_id is None:
        yield f"{address} has neither an id nor an order id"
    if recorded.id is None and recorded.phase in {Phase.READY, Phase.REINSTALLING, Phase.DELETING}:
        yield f"{address} is {recorded.phase} and has no id"
