"""The entries of the journal. An entry states what became true, never what to do.

`replay.py` applies entries to a state. The store writes them, chains them and makes them durable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from provisioner.model.address import Address
from provisioner.model.approval import ApprovedChange
from provisioner.model.caller import UNKNOWN_CALLER, Caller
from provisioner.model.canonical import JsonObject
from provisioner.model.identity import Identity
from provisioner.model.leftover import Leftover
from provisioner.model.resource import Phase, Recorded
from provisioner.model.resource_id import HasId, coerce_ids
from provisioner.model.state import Intent
from provisioner.model.term import Term

RELEASED: Final = "released"
"""The `reason` of `Forgotten` if we asked for the release and the server was seen to be gone."""
GONE: Final = "gone from the cloud"
"""The `reason` if the server was gone before anybody here asked for that."""
CANCELLED: Final = "its order is cancelled"
"""The `reason` if there never was a server: its order was given up."""

JOURNAL_FORMAT: Final = 2
"""Format 2 added `Created`, and to each batch who wrote it. A journal of an older format is continued as it is."""


@dataclass(frozen=True, slots=True)
class Created:
    """The first record: whose state the journal belongs to. In a journal that an older version began, a newer version
    writes it when it continues the journal.
    """

    stack: str
    environment: str | None
    identity: Identity
    format: int = JOURNAL_FORMAT
    type: Literal["created"] = "created"


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The first entry of a run. `approval` is the approval that the run carries out, absent from what is written if it has none.
    `allowed` are the guards that a person lifted for the run. Older versions wrote the id of a saved plan as `plan`.
    """

    run: str
    command: str
    who: str
    version: str
    plan: str | None = None
    reason: str | None = None
    allowed: tuple[str, ...] = ()
    approval: str = ""
    caller: Caller = UNKNOWN_CALLER
    """Who ran it, at the cloud and in a pipeline. What is not known is not written."""
    planned: Mapping[str, int] = field(default_factory=dict)
    """How many changes its plan has, by action. Not written if empty."""
    type: Literal["run_started"] = "run_started"


@dataclass(frozen=True, slots=True)
class Approved:
    """A run begins to carry out an approval, which allows these `changes`. Later runs of the same one write it no more."""

    approval: str
    changes: tuple[ApprovedChange, ...]
    scope: str = ""
    type: Literal["approved"] = "approved"


@dataclass(frozen=True, slots=True)
class Listed:
    """The servers that existed before a run bought anything, ours or not. No purchase of that run is one of them."""

    ids: tuple[str, ...]
    complete: bool = False
    """Whether the list had no gap. Not written if False; `orders` is not written if empty."""
    orders: tuple[str, ...] = ()
    """The orders that were known at that time from rows, from billing and from states."""
    all_orders: bool = False
    """Whether billing was asked for its orders and answered. Not written if False."""
    type: Literal["listed"] = "listed"

    def __post_init__(self) -> None:
        coerce_ids(self, "ids")


@dataclass(frozen=True, slots=True)
class Intended:
    """A purchase or another destructive call is about to be sent. It is sent only once this entry is durable."""

    intent: Intent
    type: Literal["intended"] = "intended"


@dataclass(frozen=True, slots=True)
class Answered(HasId):
    """The reply to an intent with its ids, written before anything else is done with it."""

    intent: str
    status: int
    request_id: str | None = None
    id: str | None = None
    order_id: str | None = None
    type: Literal["answered"] = "answered"


@dataclass(frozen=True, slots=True)
class Settled:
    """An intent is closed: it did nothing, or nothing that is not recorded otherwise. `outcome` says which, and
    `evidence` why. `passed_over` (servers) and `orders` are what a person declared not to be the purchase.
    """

    intent: str
    outcome: Literal["not_sent", "refused", "observed", "absent"]
    evidence: str
    status: int | None = None
    code: str | None = None
    request_id: str | None = None
    passed_over: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()
    type: Literal["settled"] = "settled"

    def __post_init__(self) -> None:
        coerce_ids(self, "passed_over")


@dataclass(frozen=True, slots=True)
class Adopted(HasId):
    """A purchase in doubt was found in the cloud and is ours: its server, or only its order so far."""

    intent: str
    id: str | None
    evidence: str
    order_id: str | None = None
    type: Literal["adopted"] = "adopted"


@dataclass(frozen=True, slots=True)
class Imported:
    """An existing server is ours from now on, as `recorded`. Nothing was sent for it, so it has no intent."""

    recorded: Recorded
    evidence: str
    type: Literal["imported"] = "imported"

    @property
    def address(self) -> Address:
        return self.recorded.address

    @property
    def id(self) -> str | None:
        return self.recorded.id


@dataclass(frozen=True, slots=True)
class Moved:
    """The record of `origin` moved to `address`, where nothing was recorded."""

    origin: Address
    address: Address
    term_given_up: bool = False
    """Whether a person named the address of the server that this deposes, so that its paid term may be given up. Not
    written if False.
    """
    type: Literal["moved"] = "moved"


@dataclass(frozen=True, slots=True)
class Remembered(HasId):
    """Facts about one address. None leaves a fact unchanged."""

    address: Address
    phase: Phase
    id: str | None = None
    order_id: str | None = None
    declared: JsonObject | None = None
    observed: JsonObject | None = None
    labels: JsonObject | None = None
    protected: bool | None = None
    term: Term | None = None
    pending: JsonObject | None = None
    baseline: JsonObject | None = None
    refused: JsonObject | None = None
    sold: str | None = None
    unconfirmed: JsonObject | None = None
    """`unconfirmed` and `paid` are not written if None."""
    paid: bool | None = None
    type: Literal["remembered"] = "remembered"


@dataclass(frozen=True, slots=True)
class Stated:
    """The specs newly state what is true already: `declared` if the cloud shows it, and else only `assumed`. Each field
    holds the complete value of the record; nothing was sent.
    """

    address: Address
    declared: JsonObject
    assumed: JsonObject
    baseline: JsonObject
    unconfirmed: JsonObject | None = None  # not written if None
    type: Literal["stated"] = "stated"


@dataclass(frozen=True, slots=True)
class Forgotten(HasId):
    """The record of the address is dropped, for this `reason`. `leftovers` are what the cloud keeps of the server and
    bills on. None: not noted, as by older versions, or where nothing was released.
    """

    address: Address
    reason: str
    id: str | None = None
    leftovers: tuple[Leftover, ...] | None = None
    type: Literal["forgotten"] = "forgotten"


@dataclass(frozen=True, slots=True)
class Renamed:
    """The state is that of this stack and environment from now on. `former` is the label that it had before."""

    stack: str
    environment: str | None
    former: str
    type: Literal["renamed"] = "renamed"


@dataclass(frozen=True, slots=True)
class Fenced:
    """A run has taken over the lock of one that showed no sign of life, whose appends are refused from here on. `epoch`
    counts the takings of the lock; `who` took it, and `former` held it before.
    """

    epoch: int
    writer: str
    who: str
    former: str
    type: Literal["fenced"] = "fenced"


@dataclass(frozen=True, slots=True)
class Relocated:
    """The last record of a journal: the state is kept at `to`, and never again here."""

    to: str
    type: Literal["relocated"] = "relocated"


@dataclass(frozen=True, slots=True)
class Arriving:
    """Follows a copy of the journal of `origin`, where the state is still kept. It is not kept here until `Arrived` follows."""

    origin: str
    type: Literal["arriving"] = "arriving"


@dataclass(frozen=True, slots=True)
class Arrived:
    """The state is kept here from now on. Its journal came from `origin`."""

    origin: str
    type: Literal["arrived"] = "arrived"


@dataclass(frozen=True, slots=True)
class RunEnded:
    run: str
    result: str
    type: Literal["run_ended"] = "run_ended"


Entry: TypeAlias = (
    Created
    | RunStarted
    | Approved
    | Listed
    | Intended
    | Answered
    | Settled
    | Adopted
    | Imported
    | Moved
    | Remembered
    | Stated
    | Forgotten
    | Renamed
    | Fenced
    | Relocated
    | Arriving
    | Arrived
    | RunEnded
)
