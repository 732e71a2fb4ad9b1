"""Letting a server go: its last state and the money that comes back, the same whether ModelArts deletes it or billing
unsubscribes it. Whether it may go is decided before, by whoever is asked.
"""

from provisioner.sandbox import ledger, orders, servers
from provisioner.sandbox.servers import Server
from provisioner.sandbox.world import Transaction


def release(transaction: Transaction, server: Server, *, caller: str, reason: str) -> int:
    """Starts the server's deletion and gives back its refund in cents; the ledger has both."""
    milliseconds = transaction.rules.step_milliseconds
    servers.transit(
        transaction.connection, server.id, "DELETING", end="DELETED", now=transaction.now, milliseconds=milliseconds
    )
    _record(transaction, "release", server, amount=0, caller=caller, detail=reason)
    refund = _refund(transaction, server)
    if refund > 0:
        _record(transaction, "refund", server, amount=refund, caller=caller, detail=reason)
    return refund


def _refund(transaction: Transaction, server: Server) -> int:
    """Nothing for pay-per-use, everything for what was never built, else the share of the period that is left."""
    order = orders.find(transaction.connection, server.order_id) if server.order_id is not None else None
    if order is None or order.effective_at is None or order.expire_at is None:
        return 0
    if not server.built:
        return server.price
    left = max(0, order.expire_at - transaction.now)
    return server.price * left // (order.expire_at - order.effective_at)


def _record(
    transaction: Transaction, kind: ledger.Kind, server: Server, *, amount: int, caller: str, detail: str
) -> None:
    ledger.append(
        transaction.connection,
        kind,
        time=transaction.now,
        caller=caller,
        server_id=server.id,
        name=server.name,
        order_id=server.order_id,
        amount=amount,
        detail=detail,
    )
