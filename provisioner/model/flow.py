"""The steps of a flow: how a kind says what to ask of the cloud, without sending anything itself.

A flow is a generator of steps (`Call`, `EndsTerm`, `Remember`, `Wait`, `Remark`, `ChargingShown`), which one flow
runner carries out. A flow is never replayed: after a crash it starts again from what was remembered
(docs/decisions/0001). Nothing here sends anything or knows how sending works.
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
    """What sending a call twice would do. All but READ and REPEATABLE calls are journaled before they are sent."""

    READ = "read"
    REPEATABLE = "repeatable"
    DESTRUCTIVE = "destructive"
    """Releases a server."""
    WIPE = "wipe"
    """Wipes a system disk and keeps the server. The data is lost each time; the server's row shows the outcome."""
    PAYMENT = "payment"
    """Pays one order by its id. The cloud refuses to take the money twice, and the order shows the outcome."""
    CANCELLATION = "cancellation"
    """Cancels one unpaid order by its id. The cloud refuses it otherwise, and the order shows the outcome."""
    PURCHASE = "purchase"

    @property
    def noun(self) -> str:
        """What messages call a call of this effect."""
        return {Effect.DESTRUCTIVE: "release or other change", Effect.WIPE: "reinstallation"}.get(self, self.value)

    @property
    def is_journaled(self) -> bool:
        return self not in {Effect.READ, Effect.REPEATABLE}

    @property
    def targets_order(self) -> bool:
        """Whether the call is about one order, which always shows the outcome, so a lost reply leaves no doubt."""
        return self in {Effect.PAYMENT, Effect.CANCELLATION}


@dataclass(frozen=True, slots=True)
class Joint:
    """How one request reads several servers: `key` of its body lists their ids, at most `max_ids` of them, and `extra`
    is added to the body. If `is_complete` is false for the reply, it is discarded, and each server is read alone.
    """

    key: str
    max_ids: int
    extra: Mapping[str, int]
    is_complete: Callable[[Reply], bool]


@dataclass(frozen=True, slots=True)
class Call:
    """One request, as data. The client fills in `{project_id}` in the path; secrets in the body are references.

    `id_fields` names the fields of the reply's body that identify what was bought. A 2xx reply without any of them has
    an unknown outcome and is never a success. The body of a purchase has the server's name under `name`.

    `declares` are the spec fields that hold once the call is carried out; None removes one. They are journaled with the
    intent, and recorded with the answer.

    A read with `joins` may be sent together with reads that differ only in ids. The reply then covers other servers
    too.
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
    """A reply with a 2xx status. `server_time` is its Date header in milliseconds since the epoch, if it has one."""

    status: int
    body: JsonValue
    request_id: str | None = None
    server_time: int | None = None

    def object(self) -> JsonObject:
        """Returns the body if it is an object, and else an empty object."""
        return self.body if isinstance(self.body, Mapping) else {}


class Outcome(StrEnum):
    """What is known of a call that did not end in a usable 2xx."""

    NOT_SENT = "not_sent"
    """Proven: no byte of the request reached a server."""
    REFUSED = "refused"
    """A 4xx: the service refused and did nothing."""
    THROTTLED = "throttled"
    """The gateway rejected it before any service saw it; the same call may be sent again within the request budget."""
    UNKNOWN = "unknown"
    """A 3xx or 5xx, a reset, a time-out or a truncated reply: it may have been carried out."""


class CallFailed(Exception):  # noqa: N818 - thrown into flows, where it reads as a fact
    """A call without a usable 2xx reply. `status` and `code` are None if no reply came. `code` is the vendor's, with
    the prefixes of gateways unified to `APIG.`.
    """

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
        """Whether the reply means "not found": HTTP 400 with ModelArts.6404 or .6309, or 404 on a known route (API
        reference section 5.2).
        """
        says_so = self.code in {"ModelArts.6404", "ModelArts.6309"} or (
            self.status == HTTPStatus.NOT_FOUND and self.code != "APIG.0101"
        )
        return says_so and self.outcome is Outcome.REFUSED


LONGEST_CHANGE = 60.0
"""How many seconds a call that changes something may take until it is given up."""


class SentTooLate(CallFailed):
    """A call was not sent, because too much time had passed since its intent, or the lock may end before its answer. The
    same call may be sent with a new intent.
    """

    def __init__(self, message: str) -> None:
        super().__init__(Outcome.NOT_SENT, message)


@dataclass(frozen=True, slots=True)
class Dispatch:
    """What binds the sending of a journaled call to its intent.

    `signed_at` is the cloud's time of the intent, in milliseconds since the epoch. The call is signed with it, so that
    the gateway refuses the call a quarter of an hour later, even if this machine stood still and does not know it.
    `must_be_signed`: an authentication without a signing time is not enough. `check` is called right before the bytes
    leave, and raises SentTooLate.
    """

    signed_at: int
    must_be_signed: bool
    check: Callable[[], None]


class PartialListing(CallFailed):
    """An incomplete list. All of `rows` exist, but nothing can be concluded to be absent, because of the `gaps`."""

    def __init__(self, message: str, rows: tuple[Live, ...], gaps: tuple[ListGap, ...] = ()) -> None:
        super().__init__(Outcome.UNKNOWN, message)
        self.rows = rows
        self.gaps = gaps or (ListGap("", message),)


@dataclass(frozen=True, slots=True)
class Remember(HasId):
    """Facts for the journal, which are on disk before the flow continues. None leaves a fact unchanged."""

    phase: Phase
    id: str | None = None
    order_id: str | None = None
    declared: Fields | None = None
    """Top-level spec fields that now have other values in the cloud; None for one that it no longer has. Redacted
    before they are written.
    """
    observed: JsonObject | None = None
    pending: JsonObject | None = None
    """What a half-finished change still has to do; empty when nothing is left."""
    first_shown: JsonObject | None = None
    """What the row shows, if it is the first row after a purchase."""
    refused: JsonObject | None = None
    """By top-level field, the value that the cloud permanently refuses for this server; None for an accepted field."""
    sold: str | None = None
    """The charging mode that the purchase got, if another one was requested."""
    paid: bool = False
    """Whether its order is known to be paid."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Waits until `settled` returns True for the server's row in the shared list poll (None: a complete list lacks it).

    The row is found by `id`, and else by `order_id`, because the id in the reply to a purchase need not be the
    server's. `ids` are those that billing lists as bought by that order: a row with one of them that names no order
    counts as part of the order, and an id that no list shows is read by itself. After `max_polls` polls without
    settling, the flow gets the row as it is and can look elsewhere.
    """

    settled: Callable[[Live | None], bool]
    id: str | None = None
    order_id: str | None = None
    ids: tuple[str, ...] = ()
    max_polls: int | None = None
    confirms_absence: bool = False
    """The flow does not trust a None and reads that id itself, so that an incomplete list also settles the wait."""

    def __post_init__(self) -> None:
        coerce_ids(self, "id", "ids")


@dataclass(frozen=True, slots=True)
class Remark:
    """A warning that the person who pays should see at once. It does not stop the work."""

    code: str
    summary: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class ChargingShown:
    """Whether the cloud shows that a purchase is charged as wanted; None if the row does not show how it is."""

    as_wanted: bool | None


@dataclass(frozen=True, slots=True)
class EndsTerm(HasId):
    """Announces that the next call releases server `id`, which billing lists as subscribed, so that its paid term is
    lost.

    `ends_order`: the server is unsubscribed, which releases everything that its order has bought. The flow runner stops
    the flow here if that was not allowed.
    """

    id: str
    ends_order: bool
    order_id: str | None = None
    """The order that the row names."""
    created_at: int | None = None
    """The creation time that the row shows, in milliseconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a flow ended: the phase of the record (None: the record goes), and the problem if the phase is not `ready`.
    `code` is the diagnostic code if the phase does not determine it.
    """

    phase: Phase | None
    problem: str = ""
    hint: str = ""
    code: str = ""


Result = TypeVar("Result")
Step: TypeAlias = Call | EndsTerm | Remember | Wait | Remark | ChargingShown
Answer: TypeAlias = "Reply | Live | None"
Flow: TypeAlias = Generator[Step, Answer, Ended]
ReadFlow: TypeAlias = Generator[Call, Reply, Result]
