"""Pays an order: reduces the balance, starts the term of the order, and builds its servers.

The caller writes to the ledger, because a create that pays and a later payment have different rows.
"""

from dataclasses import replace

from provisioner.sandbox import balances, orders, prices
from provisioner.sandbox.calls import Call
from provisioner.sandbox.errors import ApiError
from provisioner.sandbox.orders import Order, OrderStatus
from provisioner.sandbox.prices import CURRENCY, yuan
from provisioner.sandbox.servers import Server
from provisioner.sandbox.services.building import Blueprint, build


def pay(call: Call, order: Order) -> list[Server]:
    """Pays an unpaid order and returns its servers, which are being built. Raises ApiError if the balance is too low.

    No code is published for that except the one for renewals.
    """
    transaction = call.transaction
    if not balances.covers(transaction.connection, call.caller.account, order.amount):
        raise ApiError(
            400,
            "CBC.30050006",
            f"Payment of the order {order.id} failed. The balance does not cover {yuan(order.amount):.2f} {CURRENCY}.",
        )
    assert order.blueprint is not None
    assert order.period_type is not None
    assert order.period_num is not None
    balances.spend(transaction.connection, order.account, order.amount)
    paid = replace(
        order,
        status=OrderStatus.PROCESSING,
        payment_at=transaction.now,
        pending_until=None,
        effective_at=transaction.now,
        expire_at=transaction.now + prices.period_milliseconds(order.period_type, order.period_num),
        blueprint=None,
        due_status=OrderStatus.COMPLETED,
        due_at=transaction.now + transaction.rules.step_milliseconds,
    )
    orders.change(transaction.connection, paid)
    return build(transaction, Blueprint.parse(order.blueprint), order=paid)
