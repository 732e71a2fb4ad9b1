"""Finds the servers that a request is about, so that a refusal in the ledger can name them.

Reads the path and the body leniently, because the request may have been refused for its form.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from provisioner.sandbox import orders, servers
from provisioner.sandbox.calls import Call

_LONGEST: Final = 128


@dataclass(frozen=True, slots=True)
class Named:
    """A server or an order, as far as it is known."""

    id: str | None = None
    name: str | None = None
    order_id: str | None = None


def named_servers(call: Call) -> tuple[Named, ...]:
    """Returns at least one entry: a request that names nothing is about an unnamed server."""
    return tuple(dict.fromkeys(_named(call))) or (Named(),)


def named_server(call: Call, server_id: str) -> Named:
    """Returns an id with its name if it belongs to the caller's account, else the id alone."""
    server = servers.find(call.transaction.connection, server_id)
    if server is None or server.account != call.caller.account.id:
        return Named(server_id)
    return Named(server_id, server.name, server.order_id)


def _named(call: Call) -> Iterator[Named]:
    for key in ("id", "resource_id"):
        if key in call.path:
            yield named_server(call, call.path[key])
    body = _object(call.body)
    for server_id in _texts(body.get("resource_ids")):
        yield named_server(call, server_id)
    if "id" not in call.path and (name := next(_texts([body.get("name")]), None)) is not None:
        yield Named(name=name)
    if (order_id := next(_texts([body.get("order_id")]), None)) is not None:
        yield from _of_order(call, order_id)


def _of_order(call: Call, order_id: str) -> Iterator[Named]:
    """Returns the servers that an order bought, or the name under which it is to buy one."""
    connection = call.transaction.connection
    order = orders.find(connection, call.caller.account.id, order_id)
    if order is None:
        yield Named(order_id=order_id)
        return
    built = servers.of_order(connection, order_id)
    for server in built:
        yield Named(server.id, server.name, order_id)
    if not built:
        name = _object((order.blueprint or "").encode()).get("name")
        yield Named(name=name if isinstance(name, str) else None, order_id=order_id)


def _object(text: bytes) -> dict[str, object]:
    with suppress(ValueError, RecursionError):
        document = json.loads(text)
        return document if isinstance(document, dict) else {}
    return {}


def _texts(values: object) -> Iterator[str]:
    for value in values if isinstance(values, Iterable) and not isinstance(values, str) else ():
        if isinstance(value, str) and value.isprintable() and 0 < len(value) <= _LONGEST:
            yield value
