"""Pays or cancels the order of a DevServer at a person's request.

Source: docs/api/devserver-api.md section 8. Both flows read the order first, send at most one call, and trust the order
and not the answer. A flow that starts again after a crash thus finds the work done or not done, and never does it
twice.
"""

from __future__ import annotations

from provisioner.kinds.dev_server import orders, rows
from provisioner.model.address import Address
from provisioner.model.billing import OrderStatus
from provisioner.model.flow import CallFailed, Ended, Flow, Remember, Wait
from provisioner.model.order_ways import cancel_hint, release_hint
from provisioner.model.resource import Live, Phase, Recorded

_PAID = frozenset({OrderStatus.PROCESSING, OrderStatus.COMPLETED})
_STATUS_TEXTS = {
    OrderStatus.AWAITING_APPROVAL: "awaits approval",
    OrderStatus.PROCESSING: "is paid",
    OrderStatus.CANCELLED: "is cancelled",
    OrderStatus.COMPLETED: "is paid and complete",
    OrderStatus.AWAITING_PAYMENT: "awaits payment",
    OrderStatus.UNKNOWN: "cannot be read, or is neither paid nor cancelled",
}
_LOOK_AGAIN = "look at it with `provisioner orders list`, then run this again"


def pay(recorded: Recorded) -> Flow:
    """Ends with an order that is paid, by us or by anybody else. The next apply waits for its server."""
    order_id = recorded.order_id or ""
    (status, lines), refused = (yield from orders.read(order_id)), None
    if status is OrderStatus.AWAITING_PAYMENT:
        if (
            ended := refuse_unlike(order_id, lines, recorded.declared.get("charging_info"), recorded.address)
        ) is not None:
            return ended
        refused = yield from orders.pay(order_id)
        status = yield from orders.read_status(order_id)
    if status in _PAID:
        phase = _phase_once_paid(recorded)
        yield Remember(phase, order_id=order_id, paid=True)
        return Ended(phase)
    problem = _describe(order_id, status, refused)
    if status is OrderStatus.CANCELLED:
        return Ended(
            Phase.FAILED, problem, f"`provisioner orders cancel {order_id}` forgets it, and apply orders again then"
        )
    again = "correct what the cloud names, such as the account's balance, then run this again"
    return Ended(
        Phase.AWAITING_PAYMENT, problem, again if refused else f"{_LOOK_AGAIN}: no order's money is taken twice"
    )


def refuse_unlike(
    order_id: str, lines: orders.Lines, charging: object, address: Address, count: int | None = None
) -> Ended | None:
    """Returns how a payment ends where billing shows another term or `count` than was asked for, else None.

    The cloud, or a person, may have named an order that is not ours, so it is not paid.
    """
    if not (differs := orders.describe_difference(lines, charging, count)):
        return None
    hint = f"look in the console whose order it is; if it belongs to this address, {cancel_hint(address)}, and the next apply orders what was requested; if "
    hint += "you want it as it is, pay it in the console"
    return Ended(Phase.AWAITING_PAYMENT, f"order {order_id} {differs}; it was not paid", hint, code="ordered-otherwise")


def cancel(recorded: Recorded) -> Flow:
    """Ends with an order that is cancelled, by us or by anybody else.

    Nothing is left where the complete list shows no server of it.
    """
    order_id = recorded.order_id or ""
    status, refused = (yield from orders.read_status(order_id)), None
    if status in orders.UNPAID:
        refused = yield from orders.cancel(order_id)
        status = yield from orders.read_status(order_id)
    if status is not OrderStatus.CANCELLED:
        release = release_hint((recorded.address,))
        hint = f"a paid order cannot be cancelled; once its server runs, {release}" if status in _PAID else _LOOK_AGAIN
        return Ended(Phase.ORDERING, f"{_describe(order_id, status, refused)}; nothing is forgotten", hint)
    ids = (yield from orders.bought_ids(order_id)) or ()
    row = yield Wait(settled=lambda _row: True, id=recorded.id, order_id=order_id, ids=ids)
    if row is None and recorded.id is not None:
        row = yield from rows.show(recorded.id)  # the list may lack the servers of another user
    if not isinstance(row, Live):
        return Ended(None)
    yield Remember(Phase.CREATING, id=row.id, order_id=order_id, observed=row.observed)
    return Ended(
        Phase.CREATING,
        f"order {order_id} is cancelled, but the cloud lists a server of it: {row.id}",
        "it is recorded; apply continues with it, and destroy releases it",
    )


def _phase_once_paid(recorded: Recorded) -> Phase:
    """Returns the phase to record. A server that is known to be ready stays so."""
    if recorded.id is None:
        return Phase.ORDERING
    return Phase.CREATING if recorded.phase is Phase.AWAITING_PAYMENT else recorded.phase


def _describe(order_id: str, status: OrderStatus, refused: CallFailed | None) -> str:
    text = f"order {order_id} {_STATUS_TEXTS[status]}"
    return text if refused is None else f"{text}: {refused.message}"
