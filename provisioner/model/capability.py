"""Capabilities that only some kinds of resource have. Each is a value that a kind has or omits.

The neutral values at the end of this file stand in for what a kind omits, so no caller has to ask whether a kind has a
capability: a kind without `Billing` is never prepaid, one without `Reinstall` is never reinstalled, one without
`Orders` has no order, one without `Batch` is bought one by one, one without `StockCheck` is never sold out, and the
specs of one without `Adoption` are what its row shows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn, Protocol, TypeVar

from provisioner.model.canonical import JsonObject, JsonValue
from provisioner.model.draft import Draft
from provisioner.model.due import OrderTerms
from provisioner.model.flow import Ended, Flow, ReadFlow, Remark
from provisioner.model.purchase_policy import PurchasePolicy, Trace
from provisioner.model.release_facts import Offering
from provisioner.model.resource import Desired, FieldPath, Fields, Live, Recorded
from provisioner.model.state import Intent
from provisioner.model.term import Term

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Advice:
    """A finding of a kind about one field: an error unless `warning`. `code` is stable. `other`: the field that excludes
    the one at `path`, so that a reader is told where both are written.
    """

    path: FieldPath
    code: str
    message: str
    hint: str = ""
    warning: bool = False
    other: FieldPath = ()


class ReleasePredicate(Protocol):
    """A yes-or-no question about releasing a resource. `subscribed`: billing lists it as paid for in advance."""

    def __call__(self, recorded: Recorded, live: Live | None, /, *, subscribed: bool = False) -> bool: ...


@dataclass(frozen=True, slots=True)
class Orders:
    """For kinds that are bought by orders, which have ids of their own at billing. An answer of None means that billing
    does not report it.

    - `pay`, `cancel`: settle the order of a resource when a person commands it.
    - `possible_orders`: the orders placed since a purchase in doubt was sent, any of which may be it; or None.
    - `possibly_open`: the orders that the reply to a purchase could name by mistake at this time (milliseconds since
      the epoch), which are all that may still be open; or None.
    - `bought_ids`: the ids that an order has bought, asked where no row names the order; or None.
    - `all_bought_ids`: the same, asked before that order is ended. Raises CallFailed if the answer is not complete.
    - `find_order`: the order that has bought a resource, found by its id and creation time where its row names none; or
      None.
    - `ends_its_order`: whether releasing one resource releases everything that its order has bought.
    - `deleted_alone`: whether the row shows that the resource is deleted by itself, whatever billing says.
    - `may_place_order`: whether a purchase with these fields may place an order. True also where the cloud decides.
    - `advise`: findings for a plan that would buy a resource with these fields.
    """

    pay: Callable[[Recorded], Flow]
    cancel: Callable[[Recorded], Flow]
    possible_orders: Callable[[Intent], ReadFlow[tuple[Trace, ...] | None]]
    possibly_open: Callable[[int], ReadFlow[tuple[str, ...] | None]]
    bought_ids: Callable[[str], ReadFlow[tuple[str, ...] | None]]
    all_bought_ids: Callable[[str], ReadFlow[tuple[str, ...]]]
    find_order: Callable[[str, int | None], ReadFlow[str | None]]
    ends_its_order: ReleasePredicate
    deleted_alone: Callable[[Live], bool]
    may_place_order: Callable[[Fields, PurchasePolicy], bool]
    advise: Callable[[Fields], Iterable[Advice]]


@dataclass(frozen=True, slots=True)
class Billing:
    """For kinds that can be paid for in more than one way, of which a term paid in advance is one.

    - `field`: the top-level spec field that says how a resource is paid for; `observed`: the keys in which rows show
      it.
    - `is_prepaid`: whether anything, including the row if there is one, says that its term is paid for. A release would
      lose that money. `shows_prepaid`: whether the row alone says so.
    - `with_term`: the row together with what billing reports: the period that was bought, and whether it renews.
    - `sold_otherwise`: the charging mode under which the cloud sold it to us, if neither the specs (None: they do not
      name the resource) nor the record want that mode.
    - `future_charging`: how a purchase will be paid for, as that part of a body. It holds only None where the cloud
      decides. `current_charging`: the same for an existing resource, from whichever source says it.
    - `order_terms`: the terms under which a purchase of these fields is ordered; None if nothing is paid in advance.
    - `loses_paid_term`: whether releasing it loses what was paid in advance.
    - `is_subscribed`: asks billing whether it is paid for in advance. Raises CallFailed if the release depends on the
      answer and billing does not give it.
    - `renewal`: the field that says whether a paid term renews automatically. Only billing shows it.
    """

    field: str
    observed: tuple[str, ...]
    is_prepaid: Callable[[Recorded, Live | None], bool]
    shows_prepaid: Callable[[Live], bool]
    with_term: Callable[[Live, tuple[str, int] | None, Term | None], Live]
    sold_otherwise: Callable[[Recorded, Live | None, Fields | None, PurchasePolicy], str | None]
    future_charging: Callable[[Fields, PurchasePolicy], JsonObject]
    current_charging: Callable[[Recorded], JsonObject]
    order_terms: Callable[[Fields, PurchasePolicy], OrderTerms | None]
    loses_paid_term: ReleasePredicate
    is_subscribed: Callable[[Live], ReadFlow[bool]]
    renewal: FieldPath


@dataclass(frozen=True, slots=True)
class Reinstall:
    """For kinds whose resources can get another system and stay the same resource. That loses what was on the system
    disk.

    `was_carried_out` returns whether a row shows that a reinstallation of unknown outcome was carried out. `failed` are
    the adverse statuses that a failed reinstallation leaves, which another reinstallation ends. `remarks` returns what
    a plan says about reinstalling for these fields, given the whole wanted body, besides that the disk is wiped.
    """

    was_carried_out: Callable[[Intent, Live], bool]
    failed: frozenset[str]
    remarks: Callable[[Iterable[FieldPath], JsonObject], Iterable[Remark]]


@dataclass(frozen=True, slots=True)
class Batch:
    """For kinds of which one call can buy several that differ only in their names, at most `max_size` of them.

    `buy` gets them in order and ends when their order is known. After that, `create` runs for each of them, from a
    record with that order. `advise` returns findings about fields for which buying together may not be wanted.
    """

    max_size: int
    buy: Callable[[tuple[Desired, ...], PurchasePolicy], Flow]
    advise: Callable[[Fields, PurchasePolicy], Iterable[Advice]]


@dataclass(frozen=True, slots=True)
class StockCheck:
    """For kinds that may be sold out, or not be on sale at all.

    `offering` returns what a purchase needs to be on sale; None if it needs nothing. `advise` returns, before the
    purchase, what the cloud may refuse about these fields, given the type of machine that its catalogue shows for the
    flavor.
    """

    offering: Callable[[Mapping[str, Any], PurchasePolicy], Offering | None]
    advise: Callable[[Fields, str | None], Iterable[Advice]]


@dataclass(frozen=True, slots=True)
class Terraform:
    """The kind in the vendor's Terraform provider: the name of its `resource` there. `hidden` returns the spec fields
    that its attributes in a Terraform state yield and its live row does not show. `actions` are resource types there
    that only record what was done to one, and own nothing.
    """

    resource: str
    hidden: Callable[[JsonObject, Live], JsonObject]
    actions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Adoption:
    """How specs are written for a live resource that no state holds.

    `draft` returns the specs for it, given the stack's defaults; `hidden` names in words what the API never shows.
    `particulars` returns two words that distinguish it in a list, besides its name, id and status; each may be empty.
    """

    draft: Callable[[Live, Mapping[str, JsonValue]], Draft]
    hidden: str
    terraform: Terraform | None
    particulars: Callable[[Live], tuple[str, str]]

    def from_terraform(self, attributes: JsonObject, row: Live) -> JsonObject:
        """Returns the spec fields that attributes in a Terraform state yield; empty without `terraform`."""
        return self.terraform.hidden(attributes, row) if self.terraform else {}


def always_false(*_asked: object) -> bool:
    return False


def _never_by_a_release(_recorded: Recorded, _live: Live | None, *, subscribed: bool = False) -> bool:  # noqa: ARG001
    return False


def always_empty(*_asked: object) -> tuple[()]:
    return ()


def always_none(*_asked: object) -> None:
    return None


def constant_flow(value: Value) -> Callable[..., ReadFlow[Value]]:
    """Returns a read flow that yields no call and returns `value`, whatever it is asked."""

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


no_list_gap: Final = constant_flow(None)
no_detail: Final = constant_flow(dict[str, JsonValue]())
NO_ORDERS: Final = Orders(
    pay=_has_no_order,
    cancel=_has_no_order,
    possible_orders=constant_flow(()),
    possibly_open=constant_flow(()),
    bought_ids=constant_flow(()),
    all_bought_ids=constant_flow(()),
    find_order=constant_flow(None),
    ends_its_order=_never_by_a_release,
    deleted_alone=always_false,
    may_place_order=always_false,
    advise=always_empty,
)
NO_BILLING: Final = Billing(
    field="",
    observed=(),
    is_prepaid=always_false,
    shows_prepaid=always_false,
    with_term=lambda row, _period, _term: row,
    sold_otherwise=always_none,
    future_charging=lambda _fields, _policy: {},
    current_charging=lambda _recorded: {},
    order_terms=always_none,
    loses_paid_term=_never_by_a_release,
    is_subscribed=constant_flow(False),
    renewal=(),
)
NO_REINSTALL: Final = Reinstall(was_carried_out=always_false, failed=frozenset(), remarks=always_empty)
NO_BATCH: Final = Batch(max_size=1, buy=_one_by_one, advise=_no_batch)
NO_STOCK: Final = StockCheck(offering=always_none, advise=always_empty)
NO_ADOPTION: Final = Adoption(
    draft=lambda row, _defaults: Draft(dict(row.shown)),
    hidden="nothing",
    terraform=None,
    particulars=lambda _row: ("", ""),
)
