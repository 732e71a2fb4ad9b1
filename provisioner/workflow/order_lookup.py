"""Finds the order that a person named, and reads it from billing. All commands about orders use it.

It only reads, and distinguishes an order that billing does not know from billing that does not answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from provisioner.model.address import Address, lost_quotes
from provisioner.model.billing import OrderStatus, is_order_id
from provisioner.model.diagnostic import ProvisionerError, UsageError, error
from provisioner.model.flow import CallFailed, Outcome
from provisioner.model.placed_order import PlacedItem, PlacedOrder
from provisioner.model.resource import Recorded
from provisioner.model.state import State

if TYPE_CHECKING:
    from provisioner.cloud import Ask
    from provisioner.cloud.orders import Order, OrderDetail, OrderLine
    from provisioner.workflow.order_specs import OrderSpecs

_MEMBERS_SHOWN = 6
"""How many members of a group an error names."""


@dataclass(frozen=True, slots=True)
class NamedOrder:
    """An order, and the records of this state that it was placed for."""

    id: str
    owners: tuple[Recorded, ...]


def find_order(state: State | None, target: str, specs: OrderSpecs) -> NamedOrder:
    """Finds an order by the address that it was placed for, or by its id. Raises UsageError when there is none."""
    records = state.resources if state else {}
    recorded = records.get(address) if (address := _parse_address(target)) is not None else None
    if recorded is not None and recorded.order_id is None:
        summary = f"{recorded.address} was bought without an order, because it is not prepaid"
        hint = "`provisioner orders list` shows the orders that exist"
        raise UsageError(error("order-none", summary, hint=hint, address=recorded.address))
    order_id = target if recorded is None or recorded.order_id is None else recorded.order_id
    owners = tuple(owners_by_order(records.values()).get(order_id, ()))
    if recorded is None and address is not None and not owners:
        _refuse_orderless(address, state, specs)
    if recorded is None and not is_order_id(target):
        raise _unknown_error(target)
    return NamedOrder(order_id, owners)


def _refuse_orderless(address: Address, state: State | None, specs: OrderSpecs) -> None:
    """Raises UsageError `order-none` for an address without an order, and for a group: billing knows only orders."""
    known = {*(specs.desired or {}), *(state.resources if state else {})}
    intent = state.doubts.get(address) if state else None
    if intent is not None:
        summary = f"{address}: the outcome of its purchase is not known, and neither is an order of it"
        hint = "run `provisioner apply`: it looks for what was bought; `provisioner orders list --all` has the account's orders"
    elif address in known:
        summary = f"{address} is declared and has no order yet"
        hint = "`provisioner apply` buys it, and places an order where its charging_info says PRE_PAID"
    elif members := sorted(each for each in known if each.group == address):
        summary = f"{address} is a group, and each of its servers has its own order, or none"
        named = ", ".join(each.shell_quoted for each in members[:_MEMBERS_SHOWN]) + (
            ", ..." if len(members) > _MEMBERS_SHOWN else ""
        )
        hint = f"name one server of it: {named}"
    else:
        return
    raise UsageError(error("order-none", summary, hint=hint, address=address))


def owners_by_order(records: Iterable[Recorded]) -> dict[str, list[Recorded]]:
    """Returns the records by their order id, sorted by address."""
    owners: dict[str, list[Recorded]] = {}
    for record in sorted(records, key=lambda one: one.address):
        if record.order_id is not None:
            owners.setdefault(record.order_id, []).append(record)
    return owners


async def read_order(ask: Ask, wanted: NamedOrder) -> PlacedOrder:
    """Reads an order with its items.

    Raises UsageError when billing does not know it, CloudError when it does not answer.
    """
    try:
        return await request_order(ask, wanted)
    except CallFailed as failed:
        raise order_error(failed, wanted) from failed


async def request_order(ask: Ask, wanted: NamedOrder) -> PlacedOrder:
    """Reads an order with its items. Raises CallFailed."""
    from provisioner.cloud.orders import show_order

    return to_placed_order(await show_order(ask, wanted.id), wanted.owners)


def order_error(failed: CallFailed, wanted: NamedOrder) -> ProvisionerError:
    from provisioner.cloud import translate

    if is_unknown(failed):
        return _unknown_error(wanted.id, detail=failed.message)
    return translate(failed, f"reading order {wanted.id}")


def is_unknown(failed: CallFailed) -> bool:
    """Returns whether billing refused the request because it knows no such order.

    No error code is published for that case.
    """
    return failed.outcome is Outcome.REFUSED and failed.status in {HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND}


def to_placed_order(answer: Order | OrderDetail, owners: Sequence[Recorded]) -> PlacedOrder:
    from provisioner.cloud.orders import OrderDetail

    order, lines = (answer.order, answer.lines) if isinstance(answer, OrderDetail) else (answer, None)
    return PlacedOrder(
        id=order.id,
        status=_label(order.status),
        addresses=tuple(owner.address for owner in owners),
        servers=tuple(owner.id for owner in owners if owner.id is not None),
        type=None if order.type is None else _label(order.type),
        amount=order.amount,
        official_amount=order.official_amount,
        currency=order.currency,
        created_at=order.created_at,
        paid_at=order.paid_at,
        pay_until=order.pay_until,
        items=None if lines is None else tuple(map(_item, lines)),
    )


def unknown_order(order_id: str, owners: Sequence[Recorded]) -> PlacedOrder:
    """Returns an order that is recorded here and that billing does not know."""
    return PlacedOrder(
        id=order_id,
        status=OrderStatus.UNKNOWN,
        addresses=tuple(owner.address for owner in owners),
        servers=tuple(owner.id for owner in owners if owner.id is not None),
    )


def _unknown_error(target: str, *, detail: str = "") -> UsageError:
    summary = f"{target!r} is neither an address with an order nor an order"
    if (meant := lost_quotes(target)) is not None:
        return UsageError(error("order-unknown", summary, detail=detail, hint=f"did you mean {meant.shell_quoted}?"))
    hint = "`provisioner orders list` shows the orders of this state, `--all` those of the account"
    return UsageError(error("order-unknown", summary, detail=detail, hint=hint))


def _parse_address(target: str) -> Address | None:
    try:
        return Address.parse(target)
    except ValueError:
        return None


def _label(number: OrderStatus | int) -> str:
    """Returns the name of one of billing's codes; an unknown code is shown as the number."""
    if isinstance(number, OrderStatus):
        return str(number)
    name = getattr(number, "name", None)
    return f"status {number}" if name is None else str(name).lower().replace("_", " ")


def _item(line: OrderLine) -> PlacedItem:
    term = None
    if line.period_type is not None and line.periods is not None:
        term = f"{line.periods} {_label(line.period_type)}{'' if line.periods == 1 else 's'}"
    return PlacedItem(
        specification=line.specification,
        quantity=line.quantity,
        term=term,
        amount=line.amount,
        expires_at=line.expires_at,
    )
