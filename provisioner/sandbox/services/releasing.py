"""Releases a server and refunds the money, in the same way for a deletion by ModelArts and an unsubscription by
billing.

The caller has decided whether the server may be released.
"""

from collections.abc import Iterable

from provisioner.sandbox import attachments, balances, ledger, servers
from provisioner.sandbox.faults import Returns, WorldFault
from provisioner.sandbox.ledger import Actor
from provisioner.sandbox.servers import Server, Status
from provisioner.sandbox.world import Transaction


def release(
    transaction: Transaction, server: Server, *, by: Actor, reason: str, faults: Iterable[WorldFault] = ()
) -> int:
    """Starts the deletion of the server and returns its refund in cents. Both are written to the ledger."""
    connection, now = transaction.connection, transaction.now
    end: Status = "DELETED"
    milliseconds = transaction.rules.step_milliseconds
    for returns in faults:
        if isinstance(returns, Returns):
            end, milliseconds = "DELETE_FAILED", returns.milliseconds
            servers.hide_one(connection, server.id, until=now + milliseconds)
    servers.transit(connection, server.id, "DELETING", end=end, now=now, milliseconds=milliseconds)
    attachments.remove_all(transaction.connection, server.id)
    _record(transaction, "release", server, amount=0, by=by, detail=reason)
    refund = _refund(transaction, server)
    if refund > 0:
        balances.spend(transaction.connection, server.account, -refund)
        _record(transaction, "refund", server, amount=refund, by=by, detail=reason)
    return refund


def _refund(transaction: Transaction, server: Server) -> int:
    """Returns the refund: nothing for pay-per-use, everything for a server that was never built, else the share of
    the term that is left.
    """
    if server.effective_at is None or server.expire_at is None:
        return 0
    if not server.built:
        return server.price
    left = max(0, server.expire_at - transaction.now)
    return server.price * left // (server.expire_at - server.effective_at)


def _record(
    transaction: Transaction, kind: ledger.Kind, server: Server, *, amount: int, by: Actor, detail: str
) -> None:
    ledger.append(
        transaction.connection,
        kind,
        time=transaction.now,
        by=by,
        server_id=server.id,
        name=server.name,
        order_id=server.order_id,
        amount=amount,
        detail=detail,
    )
