"""Billing (BSS): orders, subscriptions and their end (docs/api/devserver-api.md section 8). A subscription is a prepaid
server seen from billing's side; it exists once the server is built, as billing hears of it only then.
"""

from typing import Final

from provisioner.sandbox import orders, servers
from provisioner.sandbox.calls import Answer, Call, Operation
from provisioner.sandbox.clock import iso_time
from provisioner.sandbox.credentials import PUBLIC
from provisioner.sandbox.errors import ApiError, Service, parameter_error
from provisioner.sandbox.orders import Order, OrderStatus, OrderType, Search
from provisioner.sandbox.requests.billing import OrdersQuery, QuerySubscriptions, Unsubscribe
from provisioner.sandbox.requests.reading import read_body, read_query
from provisioner.sandbox.servers import Server
from provisioner.sandbox.services.releasing import release

_IN_USE, _CLOSED, _FROZEN, _EXPIRED = 2, 3, 4, 5
_GRACE, _AUTO_RENEW = 0, 3
_RENEWALS_ONLY: Final = 2


def list_orders(call: Call) -> Answer:
    query = read_query(OrdersQuery, call.query)
    search = Search(
        order_id=query.order_id,
        status=int(query.status) if query.status is not None else None,
        order_type=int(query.order_type) if query.order_type is not None else None,
        created_from=query.create_time_begin,
        created_to=query.create_time_end,
        newest_first=query.order_by == "-createTime",
    )
    found, total = orders.page(call.transaction.connection, search, limit=query.limit, offset=query.offset)
    return Answer({"total_count": total, "order_infos": [order.wire() for order in found]})


def show_order(call: Call) -> Answer:
    order = orders.find(call.transaction.connection, call.path["order_id"])
    if order is None:
        raise parameter_error(Service.BILLING, "order_id: the order does not exist")
    items = order.line_items()
    return Answer({"total_count": len(items), "order_info": order.wire(), "order_line_items": items})


def query_subscriptions(call: Call) -> Answer:
    """Closed ones are shown only when `status_list` asks for them: a caller takes "none" for "not billing's to end"."""
    request = read_body(QuerySubscriptions, call.body)
    wanted = frozenset(request.status_list or (_IN_USE, _FROZEN, _EXPIRED))
    found = [server for server in _asked(call, request) if server.built and _status(server) in wanted]
    page = found[request.offset : request.offset + request.limit]
    return Answer({"total_count": len(found), "data": [_subscription(call, server) for server in page]})


def unsubscribe(call: Call) -> Answer:
    """Ends the whole order of each resource (section 2.3); refused as a whole when no resource can be unsubscribed."""
    request = read_body(Unsubscribe, call.body)
    if request.unsubscribe_type == _RENEWALS_ONLY:
        raise parameter_error(Service.BILLING, "unsubscribe_type: no resource here has a renewal to give back")
    refusals = {resource_id: _refusal(call, resource_id) for resource_id in request.resource_ids}
    failures = {resource_id: refusal for resource_id, refusal in refusals.items() if refusal is not None}
    if len(failures) == len(refusals):
        raise next(iter(failures.values()))
    leaving = [_prepaid_server(call, resource_id) for resource_id in refusals if resource_id not in failures]
    ended = dict.fromkeys(server.order_id for server in leaving if server is not None and server.order_id is not None)
    return Answer(
        {
            "order_ids": [_end_order(call, order_id) for order_id in ended],
            "fail_resource_infos": [
                {"resource_id": resource_id, "error_code": refusal.code, "error_msg": refusal.message}
                for resource_id, refusal in failures.items()
            ],
        }
    )


def _refusal(call: Call, resource_id: str) -> ApiError | None:
    server = _prepaid_server(call, resource_id)
    if server is None:
        return ApiError(400, "CBC.99003012", "The resource ID does not exist.")
    if not server.built or _status(server) == _CLOSED:
        return ApiError(
            400,
            "CBC.30000067",
            "Unsubscription not supported. This resource has been deleted or the subscription to this resource has not "
            "been synchronized.",
        )
    return None


def _end_order(call: Call, order_id: str) -> str:
    """Releases all that the order still holds; answers with the id of the order that undoes it."""
    transaction = call.transaction
    refund = sum(
        release(transaction, server, caller=call.caller.user_name, reason="unsubscribed")
        for server in servers.of_order(transaction.connection, order_id)
        if _status(server) != _CLOSED
    )
    ending = Order(
        id=orders.new_id(transaction.now),
        owner=call.caller.user_id,
        order_type=OrderType.UNSUBSCRIBE,
        status=OrderStatus.PROCESSING,
        amount=refund,
        create_at=transaction.now,
        payment_at=transaction.now,
        due_status=OrderStatus.COMPLETED,
        due_at=transaction.now + transaction.rules.step_milliseconds,
    )
    orders.add(transaction.connection, ending)
    return ending.id


def _prepaid_server(call: Call, resource_id: str) -> Server | None:
    server = servers.find(call.transaction.connection, resource_id)
    return server if server is not None and server.order_id is not None else None


def _asked(call: Call, request: QuerySubscriptions) -> list[Server]:
    connection = call.transaction.connection
    if request.resource_ids is not None:
        found = (_prepaid_server(call, resource_id) for resource_id in dict.fromkeys(request.resource_ids))
        return [server for server in found if server is not None and request.order_id in {None, server.order_id}]
    if request.order_id is not None:
        return servers.of_order(connection, request.order_id)
    return servers.prepaid(connection, PUBLIC.project_id)


def _status(server: Server) -> int:
    return _CLOSED if server.status in {"DELETING", "DELETED"} else _IN_USE


def _subscription(call: Call, server: Server) -> dict[str, object]:
    order = orders.find(call.transaction.connection, server.order_id or "")
    assert order is not None
    assert order.effective_at is not None
    assert order.expire_at is not None
    return {
        "id": server.id,
        "resource_id": server.id,
        "resource_name": server.name,
        "region_code": PUBLIC.region,
        "project_id": server.project_id,
        "is_main_resource": 1,
        "status": _status(server),
        "effective_time": iso_time(order.effective_at),
        "expire_time": iso_time(order.expire_at),
        "expire_policy": _AUTO_RENEW if order.auto_renew else _GRACE,
    }


_ORDERS: Final = "/v2/orders/customer-orders"

OPERATIONS: Final = (
    Operation(method="GET", path=_ORDERS, service=Service.BILLING, answer=list_orders),
    Operation(method="GET", path=f"{_ORDERS}/details/{{order_id}}", service=Service.BILLING, answer=show_order),
    # The misspelt segment is the real one.
    Operation(
        method="POST",
        path="/v2/orders/suscriptions/resources/query",
        service=Service.BILLING,
        answer=query_subscriptions,
    ),
    Operation(
        method="POST",
        path="/v2/orders/subscriptions/resources/unsubscribe",
        service=Service.BILLING,
        answer=unsubscribe,
        spends=True,
    ),
)
