"""The entries of the journal as values. An entry says what became true, never what to do.

What they make of a state is told by `replay.py`; how they are written, chained and made durable is the store's business.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from provisioner.model.address import Address
from provisioner.model.canonical import JsonObject
from provisioner.model.identity import Identity
from provisioner.model.resource import Phase, Recorded
from provisioner.model.resource_id import HasId, coerce_ids
from provisioner.model.state import Intent
from provisioner.model.term import Term

RELEASED: Final = "released"
"""Why an address holds nothing any more: we asked for it, and the server was seen to have gone."""


JOURNAL_FORMAT: Final = 2
"""2: the journal says of itself what it is of, and each batch who wrote it. An older one is gone on with as it is."""


@dataclass(frozen=True, slots=True)
class Created:
    """What the state is of: the journal's first record. Where an older version began the journal, a newer one notes it when it goes on."""

    stack: str
    environment: str | None
    identity: Identity
    format: int = JOURNAL_FORMAT
    type: Literal["created"] = "created"


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The first entry of a run. `plan` is the id of the plan it carries out, which is thereby used up; `allowed` the guards
    that a person told to step aside for it.
    """

    run: str
    command: str
    who: str
    version: str
    plan: str | None = None
    reason: str | None = None
    allowed: tuple[str, ...] = ()
    type: Literal["run_started"] = "run_started"


@dataclass(frozen=True, slots=True)
class Listed:
    """The servers that were there before a run bought anything, ours or not: no purchase of that run became one of them."""

    ids: tuple[str, ...]
    complete: bool = False
    """The list had no gap. Absent from what is written where it had, like the next one where it is empty."""
    orders: tuple[str, ...] = ()
    """The orders that were known then, by rows, by billing and by states."""
    all_orders: bool = False
    """Billing was asked for them and answered. Absent from what is written where it is not so."""
    type: Literal["listed"] = "listed"

    def __post_init__(self) -> None:
        coerce_ids(self, "ids")


@dataclass(frozen=True, slots=True)
class Intended:
    """A purchase or destructive call is about to be sent. If this is not durable, it is not sent."""

    intent: Intent
    type: Literal["intended"] = "intended"


@dataclass(frozen=True, slots=True)
class Answered(HasId):
    """The reply to an intent, with its ids, before anything else is done with it."""

    intent: str
    status: int
    request_id: str | None = None
    id: str | None = None
    order_id: str | None = None
    type: Literal["answered"] = "answered"


@dataclass(frozen=True, slots=True)
class Settled:
    """An intent is known to have done nothing, or nothing that is not recorded: `outcome` says which, `evidence` why; `passed_over` and `orders` a person called not it."""

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
    """A purchase in doubt was found in the cloud and is ours: its server, or so far only its order."""

    intent: str
    id: str | None
    evidence: str
    order_id: str | None = None
    type: Literal["adopted"] = "adopted"


@dataclass(frozen=True, slots=True)
class Imported:
    """A server that exists is ours from now on, as `recorded`. Nothing was sent for it, so no intent stands behind it."""

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
    """What `origin` held is that of `address`, under which nothing was recorded."""

    origin: Address
    address: Address
    term_given_up: bool = False
    """What is deposed by this was named for it by a person. Absent from what is written where it is False."""
    type: Literal["moved"] = "moved"


@dataclass(frozen=True, slots=True)
class Remembered(HasId):
    """Facts about one address. None leaves a fact as it was."""

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
    """These and the next are absent from what is written where they are None."""
    paid: bool | None = None
    type: Literal["remembered"] = "remembered"


@dataclass(frozen=True, slots=True)
class Stated:
    """The specs say what is so already: `declared`, as the cloud shows it, or only `assumed`. Each is whole; nothing was sent."""

    address: Address
    declared: JsonObject
    assumed: JsonObject
    baseline: JsonObject
    unconfirmed: JsonObject | None = None  # absent from what is written where it is None
    type: Literal["stated"] = "stated"


@dataclass(frozen=True, slots=True)
class Forgotten(HasId):
    """The address holds nothing any more; `reason` says why."""

    address: Address
    reason: str
    id: str | None = None
    type: Literal["forgotten"] = "forgotten"


@dataclass(frozen=True, slots=True)
class RunEnded:
    run: str
    result: str
    type: Literal["run_ended"] = "run_ended"


Entry: TypeAlias = (
    Created
    | RunStarted
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
    | RunEnded
)
