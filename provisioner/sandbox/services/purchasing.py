"""ModelArts: the create call (docs/api/devserver-api.md section 3). Whatever it executes it executes anew each time, as
the real one does: no key makes it repeatable, names may repeat, and `count` servers answer as one object.
"""

import json
from dataclasses import dataclass, replace
from typing import Final
from uuid import uuid4

from provisioner.sandbox import ledger, orders, prices, servers
from provisioner.sandbox.calls import Answer, Call
from provisioner.sandbox.orders import Order, OrderStatus, OrderType
from provisioner.sandbox.requests.dev_servers import ChargingInfo, CreateServer
from provisioner.sandbox.requests.reading import read_body
from provisioner.sandbox.servers import Server

_UNPAID_LIFE_MILLISECONDS: Final = 7 * 24 * prices.MILLISECONDS_PER_HOUR
_IMAGE_NAMES: Final = {"c90fb553-2cdb-4b81-b56a-ef68812c6cf7": "Ubuntu18.04_x86_64_CPU"}


@dataclass(frozen=True, slots=True)
class _Purchase:
    """A create to execute, and what each of its servers costs in cents."""

    call: Call
    request: CreateServer
    flavor: str
    price: int


def create(call: Call) -> Answer:
    """Without `charging_info` a server is POST_PAID, as the vendor's own provider assumes (section 10, question 3)."""
    request = read_body(CreateServer, call.body)
    flavor = request.flavor or request.resource_flavor
    assert flavor is not None
    charging = request.charging_info
    if charging is None or charging.charging_mode == "POST_PAID":
        return _build(_Purchase(call, request, flavor, prices.hourly_price(flavor)), order=None)
    price = prices.period_price(flavor, charging.period_type, charging.period_num)
    purchase = _Purchase(call, request, flavor, price)
    order = _unpaid_order(purchase, charging)
    return _build(purchase, order=_paid(purchase, order, charging)) if charging.is_auto_pay else _place(purchase, order)


def _unpaid_order(purchase: _Purchase, charging: ChargingInfo) -> Order:
    """Section 8: waits for payment about seven days and is then cancelled."""
    now = purchase.call.transaction.now
    return Order(
        id=orders.new_id(now),
        owner=purchase.call.caller.user_id,
        order_type=OrderType.NEW,
        status=OrderStatus.PENDING_PAYMENT,
        amount=purchase.price * purchase.request.count,
        create_at=now,
        pending_until=now + _UNPAID_LIFE_MILLISECONDS,
        flavor=purchase.flavor,
        period_type=charging.period_type,
        period_num=charging.period_num,
        subscription_num=purchase.request.count,
        auto_renew=charging.is_auto_renew,
        due_status=OrderStatus.CANCELLED,
        due_at=now + _UNPAID_LIFE_MILLISECONDS,
    )


def _paid(purchase: _Purchase, order: Order, charging: ChargingInfo) -> Order:
    """The same order paid at once: it completes by itself, and its period has begun."""
    transaction = purchase.call.transaction
    hours = prices.period_hours(charging.period_type, charging.period_num)
    return replace(
        order,
        status=OrderStatus.PROCESSING,
        payment_at=transaction.now,
        pending_until=None,
        effective_at=transaction.now,
        expire_at=transaction.now + hours * prices.MILLISECONDS_PER_HOUR,
        due_status=OrderStatus.COMPLETED,
        due_at=transaction.now + transaction.rules.step_milliseconds,
    )


def _place(purchase: _Purchase, order: Order) -> Answer:
    """Nothing is built, so the answer has no server's id and no status: the order is all there is."""
    orders.add(purchase.call.transaction.connection, order)
    for _ in range(purchase.request.count):
        _record(purchase, "purchase", order_id=order.id, amount=purchase.price, detail="ordered, not paid")
    flavor = "flavor" if purchase.request.flavor is not None else "resource_flavor"
    return Answer(
        {
            "order_id": order.id,
            "name": purchase.request.name,
            flavor: purchase.flavor,
            "charging_mode": "PRE_PAID",
        }
    )


def _build(purchase: _Purchase, *, order: Order | None) -> Answer:
    connection = purchase.call.transaction.connection
    if order is not None:
        orders.add(connection, order)
    first = servers.next_sequence(connection)
    built = [_server(purchase, first + index, order) for index in range(purchase.request.count)]
    for server in built:
        servers.add(connection, server)
        _record(purchase, "purchase", server_id=server.id, order_id=server.order_id, amount=purchase.price)
    if order is not None:
        _record(purchase, "payment", order_id=order.id, amount=order.amount, detail="paid automatically")
    return Answer(built[0].wire())


def _server(purchase: _Purchase, sequence: int, order: Order | None) -> Server:
    request, call, transaction = purchase.request, purchase.call, purchase.call.transaction
    fails = purchase.flavor in transaction.rules.failing_flavors
    return Server(
        sequence=sequence,
        id=str(uuid4()),
        project_id=call.path["project_id"],
        owner=call.caller.user_id,
        name=request.name,
        flavor=request.flavor,
        resource_flavor=request.resource_flavor,
        image_id=request.image_id,
        image_name=_IMAGE_NAMES.get(request.image_id, f"image-{request.image_id[:8]}"),
        arch=request.arch,
        server_type=request.server_type,
        vpc_id=request.network.vpc_id,
        subnet_id=request.network.subnet_id,
        key_pair_name=request.key_pair_name,
        volumes=json.dumps(_volumes(request)),
        charging_mode="POST_PAID" if order is None else "PRE_PAID",
        order_id=None if order is None else order.id,
        price=purchase.price,
        cloud_server_id=str(uuid4()),
        built=False,
        status="CREATING",
        create_at=transaction.now,
        update_at=transaction.now,
        due_status="CREATE_FAILED" if fails else "RUNNING",
        due_at=transaction.now + transaction.rules.build_milliseconds,
    )


def _volumes(request: CreateServer) -> list[dict[str, object]]:
    """The disks asked for, as the answer will show them once they exist."""
    root, data = request.root_volume, request.data_volume
    disks = [("ROOT", root.type, root.size)] if root is not None else []
    disks += [("DATA", data.type, data.size)] * data.count if data is not None else []
    return [{"type": role, "evs_type": kind, "size": size, "evs_id": str(uuid4())} for role, kind, size in disks]


def _record(
    purchase: _Purchase,
    kind: ledger.Kind,
    *,
    amount: int,
    server_id: str | None = None,
    order_id: str | None = None,
    detail: str = "",
) -> None:
    ledger.append(
        purchase.call.transaction.connection,
        kind,
        time=purchase.call.transaction.now,
        caller=purchase.call.caller.user_name,
        server_id=server_id,
        name=purchase.request.name,
        order_id=order_id,
        amount=amount,
        detail=detail or purchase.flavor,
    )
