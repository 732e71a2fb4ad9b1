"""The words of a conversation with the cloud. A kind speaks them, one driver hears them.

A flow is a generator of `Call | Remember | Wait | Remark | Sold`; it is never replayed: after a death it starts again from what was
remembered (docs/decisions/0001). Nothing here sends anything or knows how sending works.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from typing import TypeAlias, TypeVar

from provisioner.model.canonical import JsonObject, JsonValue
from provisioner.model.list_gap import ListGap
from provisioner.model.resource import Fields, Live, Phase
from provisioner.model.resource_id import HasId, coerce_ids


class Service(StrEnum):
    MODELARTS = "modelarts"
    BILLING = "bss"
    IDENTITY = "iam"


class Effect(StrEnum):
    """What sending a call twice would mean; the driver journals all but the first two before they are sent."""

    READ = "read"
    REPEATABLE = "repeatable"
    DESTRUCTIVE = "destructive"
    """Releases a server."""
    WIPE = "wipe"
    """Wipes a system disk and leaves the server: what was on it is lost each time. What became of it can be seen."""
    PAYMENT = "payment"
    """Pays one order by its id. The cloud refuses to take the money twice, and the order itself tells what became of it."""
    CANCELLATION = "cancellation"
    """Cancels one unpaid order by its id. The cloud refuses it once there is nothing to cancel, and the order tells, too."""
    PURCHASE = "purchase"

    @property
    def noun(self) -> str:
        """For people: what a call of this effect is."""
        return {Effect.DESTRUCTIVE: "release or other change", Effect.WIPE: "reinstallation"}.get(self, self.value)

    @property
    def is_journaled(self) -> bool:
        return self not in {Effect.READ, Effect.REPEATABLE}

    @property
    def targets_order(self) -> bool:
        """It is about one order, which can always be asked what became of it: no lost reply leaves a doubt."""
        return self in {Effect.PAYMENT, Effect.CANCELLATION}


@dataclass(frozen=True, slots=True)
class Joint:
    """How a read is asked for several servers at once: `key` of its body lists their ids, `most` of them a request, which says `more`
    beside. Where `is_whole` does not hold of the answer, it is thrown away, and each is asked for alone.
    """

    key: str
    most: int
    more: Mapping[str, int]
    is_whole: Callable[[Reply], bool]


@dataclass(frozen=True, slots=True)
class Call:
    """One request, inert. `{project_id}` in the path is the client's to fill in; secrets in the body are references.

    `learns` names fields of the reply's body that make the purchase known; a 2xx that lacks all of them is an unknown
    outcome, never a success. A purchase's body has the server's name under `name`.

    `declares` are the spec fields that the cloud has once the call is carried out; None takes one away. They are noted with
    its intent, and recorded with its answer.

    A read that `joins` may be asked together with others that differ in nothing but ids. The answer tells then of other servers, too.
    """

    service: Service
    method: str
    path: str
    effect: Effect
    query: Mapping[str, str | int] = field(default_factory=dict)
    body: Fields | None = None
    id_fields: tuple[str, ...] = ()
    declares: Fields = field(default_factory=dict)
    joins: Joint | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer with a 2xx status. `server_time` is the Date header in milliseconds since the epoch, if there was one."""

    status: int
    body: JsonValue
    request_id: str | None = None
    server_time: int | None = None

    def object(self) -> JsonObject:
        """The body as an object; an empty one when it is anything else."""
        return self.body if isinstance(self.body, Mapping) else {}


class Outcome(StrEnum):
    """What is known of a call that did not end in a usable 2xx."""

    NOT_SENT = "not_sent"
    """Provably: no byte of the request reached a server."""
    REFUSED = "refused"
    """The service said no and did nothing: a 4xx."""
    THROTTLED = "throttled"
    """The gateway turned it away before any service saw it; the same call may be made again when its turn comes."""
    UNKNOWN = "unknown"
    """3xx, 5xx, reset, time-out, truncated: it may have been executed."""


class CallFailed(Exception):  # noqa: N818 - thrown into flows, where it reads as a fact
    """`status` and `code` are None where no answer came. `code` is the vendor's, gateway prefixes unified to `APIG.`."""

    def __init__(
        self,
        outcome: Outcome,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        server_time: int | None = None,
    ) -> None:
        super().__init__(message)
        self.outcome = outcome
        self.message = message
        self.status = status
        self.code = code
        self.request_id = request_id
        self.server_time = server_time

    @property
    def not_found(self) -> bool:
        """API reference section 5.2: not found is HTTP 400 with ModelArts.6404 (or .6309) as well as 404 on a known route."""
        says_so = self.code in {"ModelArts.6404", "ModelArts.6309"} or (
            self.status == HTTPStatus.NOT_FOUND and self.code != "APIG.0101"
        )
        return says_so and self.outcome is Outcome.REFUSED


class PartialListing(CallFailed):
    """What is in `rows` is there; that something else is not may not be concluded, and `gaps` say why."""

    def __init__(self, message: str, rows: tuple[Live, ...], gaps: tuple[ListGap, ...] = ()) -> None:
        super().__init__(Outcome.UNKNOWN, message)
        self.rows = rows
        self.gaps = gaps or (ListGap("", message),)


@dataclass(frozen=True, slots=True)
class Remember(HasId):
    """Facts for the journal, on disk before the flow goes on. None leaves a fact as it was."""

    phase: Phase
    id: str | None = None
    order_id: str | None = None
    declared: Fields | None = None
    """Top-level spec fields that the cloud now has otherwise, None where it has none; redacted before they are written."""
    observed: JsonObject | None = None
    pending: JsonObject | None = None
    """What a change that is half way has still to see to; empty when nothing is left."""
    first_shown: JsonObject | None = None
    """What the first row after a purchase shows, where this is that row."""
    refused: JsonObject | None = None
    """By top-level field, what the cloud refuses for this server for good; None for a field that it has taken."""
    sold: str | None = None
    """The charging mode that this purchase came to, where another one was asked for."""
    paid: bool = False
    """Its order is known to be paid."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Until `settled` holds for the server's row of the shared list poll (None: the complete list lacks it).

    The row is found by `id`, else by `order_id`: what a purchase answers as an id need not be the server's. `ids` are what billing
    names as bought by that order: a row of one of them that names no order is taken for one of it, and what no list shows is
    asked for by its id. After `looks` polls without settling the flow gets the row as it is, to look elsewhere.
    """

    settled: Callable[[Live | None], bool]
    id: str | None = None
    order_id: str | None = None
    ids: tuple[str, ...] = ()
    max_polls: int | None = None
    confirms_absence: bool = False
    """The flow does not trust a None yet and asks for that id alone itself, so an incomplete list settles the wait as well."""

    def __post_init__(self) -> None:
        coerce_ids(self, "id", "ids")


@dataclass(frozen=True, slots=True)
class Remark:
    """Something the person paying should hear at once, said loudly and without stopping the work."""

    code: str
    summary: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Sold:
    """What the cloud shows of how a purchase is charged: as it was wanted, or otherwise; None where a row shows nothing of it."""

    as_wanted: bool | None


@dataclass(frozen=True, slots=True)
class EndsTerm(HasId):
    """The call that comes next releases server `id`, which billing knows as subscribed: a paid term is lost by it. `ends_order`: it goes by
    unsubscribing, so that all that its order has bought goes along. Whoever drives the flow ends it here where that was not allowed.
    """

    id: str
    ends_order: bool
    order_id: str | None = None
    """As its row names it."""
    created_at: int | None = None
    """Likewise, in milliseconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a flow ended: the phase that its record is left in (None: nothing is left), and why when that is not `ready`. `code`
    names the problem where the phase does not.
    """

    phase: Phase | None
    problem: str = ""
    hint: str = ""
    code: str = ""


Result = TypeVar("Result")
Step: TypeAlias = Call | EndsTerm | Remember | Wait | Remark | Sold
Answer: TypeAlias = "Reply | Live | None"
Flow: TypeAlias = Generator[Step, Answer, Ended]
ReadFlow: TypeAlias = Generator[Call, Reply, Result]
