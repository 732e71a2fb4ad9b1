"""Applies what billing does when the term of a prepaid server ends: renews it, or lets it pass through a grace and a
frozen period and releases it.

Source: docs/api/devserver-api.md sections 2.3 and 8. The length of the periods is not published.
"""

from enum import IntEnum
from typing import Final

from provisioner.sandbox import balances, ledger, orders, prices, servers
from provisioner.sandbox.ledger import Actor
from provisioner.sandbox.orders import Order, OrderStatus, OrderType
from provisioner.sandbox.servers import Server
from provisioner.sandbox.services.releasing import release
from provisioner.sandbox.world import Transaction

_GRACE_MILLISECONDS: Final = 15 * 24 * prices.MILLISECONDS_PER_HOUR
_FROZEN_MILLISECONDS: Final = 15 * 24 * prices.MILLISECONDS_PER_HOUR


_BILLING: Final = "billing"


class SubscriptionStatus(IntEnum):
    IN_USE = 2
    CLOSED = 3
    FROZEN = 4
    EXPIRED = 5


_IN_USE: Final = SubscriptionStatus.IN_USE


def status_of(server: Server, now: int) -> SubscriptionStatus:
    if server.status in {"DELETING", "DELETED"}:
        return SubscriptionStatus.CLOSED
    if server.expire_at is None or now < server.expire_at:
        return _IN_USE
    in_grace = now < server.expire_at + _GRACE_MILLISECONDS
    return SubscriptionStatus.EXPIRED if in_grace else SubscriptionStatus.FROZEN


def settle(transaction: Transaction) -> None:
    """Renews and releases what is due now. A renewal that the balance does not cover is tried again until the
    release.
    """
    for server in servers.expiring(transaction.connection, transaction.now):
        if server.built and server.status != "DELETING":
            _settle(transaction, server)


def _settle(transaction: Transaction, server: Server) -> None:
    renewed: Server | None = server
    while renewed is not None:
        server = renewed
        renewed = _renew(transaction, server) if status_of(server, transaction.now) is not _IN_USE else None
    assert server.expire_at is not None
    if transaction.now >= server.expire_at + _GRACE_MILLISECONDS + _FROZEN_MILLISECONDS:
        release(transaction, server, by=Actor(server.account, _BILLING), reason="expired")


def _renew(transaction: Transaction, server: Server) -> Server | None:
    """Buys the next term from the end of this one; None if none is to be bought or the balance is too low."""
    account = transaction.rules.accounts.by_account_id(server.account)
    first = orders.find(transaction.connection, server.account, server.order_id or "")
    if not server.auto_renew or account is None or first is None:
        return None
    order = _renewal_order(transaction, server, first)
    if not balances.covers(transaction.connection, account, order.amount):
        return None
    balances.spend(transaction.connection, account.id, order.amount)
    orders.add(transaction.connection, order)
    ledger.append(
        transaction.connection,
        "payment",
        time=order.create_at,
        by=Actor(account.id, _BILLING),
        server_id=server.id,
        name=server.name,
        order_id=order.id,
        amount=order.amount,
        detail="renewed automatically",
    )
    left = None if server.renewals_left is None else server.renewals_left - 1
    servers.change(
        transaction.connection,
        server,
        effective_at=order.effective_at,
        expire_at=order.expire_at,
        price=order.amount,
        renewals_left=left,
        auto_renew=left != 0,
    )
    return servers.find(transaction.connection, server.id)


def _renewal_order(transaction: Transaction, server: Server, first: Order) -> Order:
    """Returns the order for the requested period, or for the first one, at today's price. A flavor that is no longer
    sold keeps its price.
    """
    assert server.expire_at is not None
    assert first.period_type is not None
    assert first.period_num is not None
    kind, number = (server.renewal_period, 1) if server.renewal_period else (first.period_type, first.period_num)
    flavor = transaction.rules.market.flavor(server.spec)
    return Order(
        id=orders.new_id(server.expire_at),
        account=server.account,
        order_type=OrderType.RENEW,
        status=OrderStatus.COMPLETED,
        amount=server.price if flavor is None else prices.period_price(flavor.hourly_price, kind, number),
        create_at=server.expire_at,
        payment_at=server.expire_at,
        flavor=server.spec,
        period_type=kind,
        period_num=number,
        subscription_num=1,
        effective_at=server.expire_at,
        expire_at=server.expire_at + prices.period_milliseconds(kind, number),
    )
