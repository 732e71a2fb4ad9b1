"""The state: what we believe we own, as an immutable value, and the one function that validates it.

A state is a checkpoint of the journal: `head` identifies the last record that it includes. It does not know about
files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from provisioner.model.address import Address
from provisioner.model.approval import ApprovalUse
from provisioner.model.canonical import JsonObject
from provisioner.model.flow import Effect
from provisioner.model.identity import Identity
from provisioner.model.resource import Phase, Recorded
from provisioner.model.resource_id import coerce_ids, resource_id

_MAX_SHOWN = 10
_WELL_BEFORE = 60 * 60 * 1000
"""Milliseconds. It exceeds the largest known difference between two clocks of the cloud."""
_EARLIEST_MOMENT = 1_262_304_000_000
"""The year 2010, in milliseconds since the epoch. A smaller number can't be a time of these servers; it is zero,
negative or in seconds.
"""


def is_plausible_time(milliseconds: int | None) -> bool:
    """Returns whether a time in a row can be true."""
    return milliseconds is not None and milliseconds >= _EARLIEST_MOMENT


@dataclass(frozen=True, slots=True)
class JournalHead:
    """The sequence number and hash of the last record; (0, "") before the first one."""

    sequence: int = 0
    hash: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """One of several servers that one call buys: its name, and what we keep of it besides the request."""

    address: Address
    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    protected: bool = False


@dataclass(frozen=True, slots=True)
class Intent:
    """The durable note that a purchase or another destructive call is about to be sent.

    It is open until the journal records how the call ended. If the sender of an open intent is gone, a purchase is *in
    doubt*, and any other call is *unsettled*. `request` is the call with secrets as fingerprints and opaque content as
    digests. `name` is the name in the request, including the marker; the wanted name is in `declared`. Times are in
    milliseconds since the epoch; `server_time` is the cloud's time as last seen in a Date header.
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
    """Ids of servers that had this name when the run began. This intent has not bought them."""
    listed: tuple[str, ...] = ()
    """All ids that were listed before it. This intent has not bought them either. Empty if no list was journaled."""
    all_listed: bool = False
    """Whether that list was journaled and had no gap: an id outside `listed` is new, whatever age its row shows."""
    listed_orders: tuple[str, ...] = ()
    """The orders that were known before it from rows, from billing and from states. None of them is its own."""
    all_orders: bool = False
    """Whether billing answered at that time, so that an order outside `listed_orders` is new, whatever its date."""
    answered_id: str = ""
    """The id in an answer that, by the answer or by its row, is something else than was requested. While it is listed,
    the purchase is in doubt.
    """
    target_id: str | None = None
    """The id of the server that a release or wipe is about, or of the order that a payment or cancellation is."""
    protected: bool = False
    unknown_since: int | None = None
    """When its outcome became unknown, in the cloud's time. The quiet period counts from then. None: not recorded."""
    sender: str = ""
    """The pseudonym of its sender at the cloud: a list may show users only their own servers. Empty if not known."""
    passed_over_orders: tuple[str, ...] = ()
    """For a purchase that a person declared absent: the orders that could be it and were not over at that time."""
    approval: str = ""
    """The approval that its run carried out. Empty if it had none."""
    contents: Mapping[str, str] = field(default_factory=dict)
    """By digest: what people may read of the content in `declared`, without secrets. Not written if empty."""
    members: tuple[Member, ...] = ()
    """The servers that one call buys, if several. `address` is the first. They share its order and its doubt."""

    def __post_init__(self) -> None:
        coerce_ids(self, "earlier_ids", "listed", "answered_id", *(() if self.effect.targets_order else ("target_id",)))

    @property
    def known_before(self) -> frozenset[str]:
        """The ids of servers that it can't have bought, because they existed before it."""
        return frozenset((*self.earlier_ids, *self.listed))

    def existed_before(self, row_id: str, made_at: int | None) -> bool:
        """Returns whether a server existed before it. The id decides that if the list before it was complete.
        Otherwise, a plausible creation time well before the request does.
        """
        if row_id in self.known_before:
            return True
        if self.all_listed or made_at is None or not is_plausible_time(made_at):
            return False
        return made_at < self.server_time - _WELL_BEFORE

    @property
    def addresses(self) -> tuple[Address, ...]:
        """All addresses that it is about."""
        return tuple(member.address for member in self.members) or (self.address,)

    @property
    def address_list(self) -> str:
        """Its addresses for a message; only the first ones if there are many."""
        shown = ", ".join(map(str, self.addresses[:_MAX_SHOWN]))
        return shown if len(self.addresses) <= _MAX_SHOWN else f"{shown} and {len(self.addresses) - _MAX_SHOWN} more"

    @property
    def names(self) -> Mapping[str, Address]:
        """The final names of its servers, with their addresses."""
        return {member.name: member.address for member in self.members} or {self.wanted_name: self.address}

    def is_protected(self, address: Address) -> bool:
        return next((member.protected for member in self.members if member.address == address), self.protected)

    @property
    def wanted_name(self) -> str:
        return str(self.declared.get("name", self.name))

    @property
    def is_marked(self) -> bool:
        """Whether it is a purchase that was sent with a marker, under a name that nobody else can have."""
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
    """Purchases that were presumed never carried out. A server of one that still appears is recognised as ours."""
    released: Mapping[str, Address] = field(default_factory=dict)
    """The servers that were released last, by id. One that is listed again still exists, and costs money."""
    listed: tuple[str, ...] = ()
    """What the current run journaled as listed before its purchases, as are the next three fields."""
    all_listed: bool = False
    listed_orders: tuple[str, ...] = ()
    all_orders: bool = False
    approvals: Mapping[str, ApprovalUse] = field(default_factory=dict)
    """Those that runs have begun to carry out and that had not expired when the last one began, by their text."""
    head: JournalHead = JournalHead()

    def __post_init__(self) -> None:
        coerce_ids(self, "listed")
        if not all(map(str.islower, self.released)):  # also converts ids without letters, which is harmless
            object.__setattr__(self, "released", {resource_id(key): one for key, one in self.released.items()})

    @property
    def label(self) -> str:
        """The base name of the state's files: `demo.dev`, or `demo` without environments."""
        return self.stack if self.environment is None else f"{self.stack}.{self.environment}"

    def open_intent(self, address: Address) -> Intent | None:
        """Returns the open intent of an address, a purchase before any other call; None if there is none."""
        intents = (intent for intent in self.intents.values() if address in intent.addresses)
        return self.doubts.get(address) or next(intents, None)

    @property
    def doubts(self) -> Mapping[Address, Intent]:
        """The purchases in doubt, by each address that they are about."""
        return {address: intent for intent in self.purchases_in_doubt for address in intent.addresses}

    @property
    def purchases_in_doubt(self) -> tuple[Intent, ...]:
        return tuple(intent for intent in self.in_doubt if intent.effect is Effect.PURCHASE)

    @property
    def unsettled(self) -> tuple[Intent, ...]:
        """The other open calls (releases, reinstallations, payments, cancellations); apply settles them first."""
        return tuple(intent for intent in self.in_doubt if intent.effect is not Effect.PURCHASE)

    @property
    def open_releases(self) -> Mapping[str, tuple[str, ...]]:
        """The ids of the intents of open releases, by the id of the server."""
        released = [one for one in self.unsettled if one.effect is Effect.DESTRUCTIVE and one.target_id is not None]
        return {
            one.target_id or "": tuple(each.id for each in released if each.target_id == one.target_id)
            for one in released
        }

    @property
    def in_doubt(self) -> tuple[Intent, ...]:
        """The open intents, sorted by address. Those of a run that is still alive are only in flight."""
        return tuple(sorted(self.intents.values(), key=lambda intent: intent.address))

    def problems(self) -> Iterator[str]:
        """Yields every broken invariant in words. A state without any is valid. Reading, writing and tests use this."""
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
