"""What only some kinds of resource can do: a value each, which a kind has or leaves out.

What is left out is answered for by the neutral values at the end of this file, so that nobody else asks whether a kind has a capability: a
kind without `Billing` is never prepaid, one without `Reinstall` never wiped, one without `Orders` has no order, one without `Batch` is bought
one by one, one without `StockCheck` is never sold out, and one without `Adoption` is written down as its row shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn, Protocol, TypeVar

from provisioner.model.canonical import JsonObject, JsonValue
from provisioner.model.draft import Draft
from provisioner.model.flow import Ended, Flow, ReadFlow, Remark
from provisioner.model.purchase_policy import PurchasePolicy, Trace
from provisioner.model.release_facts import Offering
from provisioner.model.resource import Desired, FieldPath, Fields, Live, Recorded
from provisioner.model.state import Intent
from provisioner.model.term import Term

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Advice:
    """A remark of a kind on one field: `code` is stable; an error unless `warning`."""

    path: FieldPath
    code: str
    message: str
    hint: str = ""
    warning: bool = False


class ReleasePredicate(Protocol):
    """A fact about releasing a resource; `subscribed`: billing says that it is paid for in advance."""

    def __call__(self, recorded: Recorded, live: Live | None, /, *, subscribed: bool = False) -> bool: ...


@dataclass(frozen=True, slots=True)
class Orders:
    """What is bought by orders that billing knows by ids of their own.

    `pay` and `cancel` settle the order of what has one, at a person's word. `traces` are the orders placed since a purchase in doubt, any
    of which may be it (None: nobody says). `known` are those that a reply to a purchase could name by mistake, at this moment (milliseconds
    since the epoch): whatever may still be open (None: nobody says). `resources` asks for the ids that an order has bought, where no row names it (None: nobody
    says); `all_resources` the same before that order is ended, and raises CallFailed where not all of it is said. `order_of` asks for
    the order that has bought a resource, by its id and when it was made, where no row names it (None: nobody says). `ends_its_order`:
    whether releasing one releases all that was bought by its order; `deleted_alone`: its row shows that it goes by itself, whatever billing
    says of it. `may_be_placed`: whether a purchase with these fields may place an order; it may where that is left to the cloud. `advise` is what a plan says that would buy one with these fields.
    """

    pay: Callable[[Recorded], Flow]
    cancel: Callable[[Recorded], Flow]
    traces: Callable[[Intent], ReadFlow[tuple[Trace, ...] | None]]
    known: Callable[[int], ReadFlow[tuple[str, ...] | None]]
    resources: Callable[[str], ReadFlow[tuple[str, ...] | None]]
    all_resources: Callable[[str], ReadFlow[tuple[str, ...]]]
    order_of: Callable[[str, int | None], ReadFlow[str | None]]
    ends_its_order: ReleasePredicate
    deleted_alone: Callable[[Live], bool]
    may_be_placed: Callable[[Fields, PurchasePolicy], bool]
    advise: Callable[[Fields], Iterable[Advice]]


@dataclass(frozen=True, slots=True)
class Billing:
    """What can be paid for in more than one way, a term in advance among them.

    `field` is the top-level field of the specs that says how one is paid for, `observed` what rows show of that. `is_prepaid`: whether anything, its row included where that is known, says that its term is paid for: money that a release would
    lose; `shows_prepaid`: whether its row alone says so. `with_term` is the row with what billing tells of it: for how long it was
    bought, and whether it renews. `sold_otherwise` is how the cloud has sold it to us, where that is not as the specs (None: they do
    not name it) or the record want it. `charging` says how a purchase will be paid for: the part of a body that says so, with nothing
    but None in it where the cloud decides; `charged` the same of one that is there, by whatever says so. `gives_up_a_term`: whether
    releasing it loses what was paid in advance. `is_subscribed` asks billing whether it is paid for in advance; it raises CallFailed
    where that decides how it is released and is not told. `renewal` is the field that says whether a paid term is bought again by
    itself: only billing shows it.
    """

    field: str
    observed: tuple[str, ...]
    is_prepaid: Callable[[Recorded, Live | None], bool]
    shows_prepaid: Callable[[Live], bool]
    with_term: Callable[[Live, tuple[str, int] | None, Term | None], Live]
    sold_otherwise: Callable[[Recorded, Live | None, Fields | None, PurchasePolicy], str | None]
    charging: Callable[[Fields, PurchasePolicy], JsonObject]
    charged: Callable[[Recorded], JsonObject]
    gives_up_a_term: ReleasePredicate
    is_subscribed: Callable[[Live], ReadFlow[bool]]
    renewal: FieldPath


@dataclass(frozen=True, slots=True)
class Reinstall:
    """What can be given another system, which loses what was on its disk, and stays itself.

    `wiped` says whether a row shows that a reinstallation of unknown outcome was carried out. `failed` are the adverse statuses that a
    failed one leaves: another one is the way out. `remarks` are what a plan says of one for these fields, of a resource that is to
    have all of that, beside that the disk is wiped.
    """

    was_carried_out: Callable[[Intent, Live], bool]
    failed: frozenset[str]
    remarks: Callable[[Iterable[FieldPath], JsonObject], Iterable[Remark]]


@dataclass(frozen=True, slots=True)
class Batch:
    """How several that are alike but for their names are bought by one call, at most `most` of them.

    `buy` is told them in order, and ends when their order is known; what follows is each one's `create`, from a record with
    that order. `advise` says where that may not be wanted.
    """

    most: int
    buy: Callable[[tuple[Desired, ...], PurchasePolicy], Flow]
    advise: Callable[[Fields, PurchasePolicy], Iterable[Advice]]


@dataclass(frozen=True, slots=True)
class StockCheck:
    """What may be sold out, or not be on sale at all.

    `ware` is what buying one asks the market for; None where that is nothing. `advise` is what may be refused of these fields, before it is bought, by the type of
    machine that the cloud's catalogue has for its flavor.
    """

    offering: Callable[[Mapping[str, Any], PurchasePolicy], Offering | None]
    advise: Callable[[Fields, str | None], Iterable[Advice]]


@dataclass(frozen=True, slots=True)
class Terraform:
    """How the vendor's Terraform provider calls the kind, and what specs would say of one by its attributes there: only what
    its live row does not show. `actions` are resources that only note what was done to one, and own nothing.
    """

    resource: str
    hidden: Callable[[JsonObject, Live], JsonObject]
    actions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Adoption:
    """How specs are written for a live one that nobody owns.

    `draft` is what they would say of it, under the stack's defaults; `hidden` says in words what the API never shows of one. `particulars`
    are two words that tell a live one from others in a list, beside its name, id and status; each may be empty.
    """

    draft: Callable[[Live, Mapping[str, JsonValue]], Draft]
    hidden: str
    terraform: Terraform | None
    particulars: Callable[[Live], tuple[str, str]]

    def from_terraform(self, attributes: JsonObject, row: Live) -> JsonObject:
        """What specs would say of one by its attributes in a Terraform state."""
        return self.terraform.hidden(attributes, row) if self.terraform else {}


def never(*_asked: object) -> bool:
    return False


def _never_by_a_release(_recorded: Recorded, _live: Live | None, *, subscribed: bool = False) -> bool:  # noqa: ARG001
    return False


def nothing(*_asked: object) -> tuple[()]:
    return ()


def unknown(*_asked: object) -> None:
    return None


def answers(value: Value) -> Callable[..., ReadFlow[Value]]:
    """What is known without asking the cloud."""

    def ask(*_asked: object) -> ReadFlow[Value]:
        yield from ()
        return value

    return ask


def _has_no_order(recorded: Recorded) -> Flow:
    yield from ()
    return Ended(recorded.phase, "it was bought without an order", code="no-order")


def _one_by_one(_group: tuple[Desired, ...], _policy: PurchasePolicy) -> NoReturn:
    raise AssertionError("loading refuses what would be bought together, by the advice of its kind")


def _no_batch(_fields: Fields, _policy: PurchasePolicy) -> Iterable[Advice]:
    message = "order: together is not for resources of this kind: each is created by a call of its own"
    return (Advice(("order",), "order-together", message, "leave order out"),)


not_limited: Final = answers(None)
nothing_more: Final = answers(dict[str, JsonValue]())
NO_ORDERS: Final = Orders(
    pay=_has_no_order,
    cancel=_has_no_order,
    traces=answers(()),
    known=answers(()),
    resources=answers(()),
    all_resources=answers(()),
    order_of=answers(None),
    ends_its_order=_never_by_a_release,
    deleted_alone=never,
    may_be_placed=never,
    advise=nothing,
)
NO_BILLING: Final = Billing(
    field="",
    observed=(),
    is_prepaid=never,
    shows_prepaid=never,
    with_term=lambda row, _period, _term: row,
    sold_otherwise=unknown,
    charging=lambda _fields, _policy: {},
    charged=lambda _recorded: {},
    gives_up_a_term=_never_by_a_release,
    is_subscribed=answers(False),
    renewal=(),
)
NO_REINSTALL: Final = Reinstall(was_carried_out=never, failed=frozenset(), remarks=nothing)
NO_BATCH: Final = Batch(most=1, buy=_one_by_one, advise=_no_batch)
NO_STOCK: Final = StockCheck(offering=unknown, advise=nothing)
NO_ADOPTION: Final = Adoption(
    draft=lambda row, _defaults: Draft(dict(row.shown)),
    hidden="nothing",
    terraform=None,
    particulars=lambda _row: ("", ""),
)
