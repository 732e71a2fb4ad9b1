"""Billing (BSS): orders, their payment and their cancellation (docs/api/devserver-api.md section 8).

Once the servers of an order are built, subscriptions.py answers for them.
"""

from dataclasses import replace
from functools import partial
from typing import Final

from provisioner.sandbox import orders
from provisioner.sandbox.calls import Answer, Call, Operation
from provisioner.sandbox.errors import ApiError, Service, parameter_error
from provisioner.sandbox.faults import Skew
from provisioner.sandbox.orders import Order, OrderStatus, Search
from provisioner.sandbox.requests.billing import BillingPage, CancelOrder, OrdersQuery, PayOrder
from provisioner.sandbox.requests.reading import read_body, read_query
from provisioner.sandbox.services.paying import pay

_CANCELLABLE: Final = frozenset({OrderStatus.PENDING_APPROVAL, OrderStatus.PENDING_PAYMENT})


def list_orders(call: Call) -> Answer:
    query = read_query(OrdersQuery, call.query)
    if query.service_type_code not in {None, orders.SERVICE_TYPE}:
        return Answer({"total_count": 0, "order_infos": []})
    ahead = sum(fault.milliseconds for fault in call.faults if isinstance(fault, Skew))
    search = Search(
        account=call.caller.account.id,
        order_id=query.order_id,
        status=int(query.status) if query.status is not None else None,
        order_type=int(query.order_type) if query.order_type is not None else None,
        created_from=None if query.create_time_begin is None else query.create_time_begin - ahead,
        created_to=None if query.create_time_end is None else query.create_time_end - ahead,
        paid_from=query.payment_time_begin,
        paid_to=query.payment_time_end,
        newest_first=query.order_by == "-createTime",
    )
    found, total = orders.page(call.transaction.connection, search, limit=query.limit, offset=query.offset)
    shown = [replace(order, create_at=order.create_at + ahead).wire() for order in found]
    return Answer({"total_count": total, "order_infos": shown})


def list_service_types(call: Call) -> Answer:
    """Lists the service types that the sandbox sells."""
    page = read_query(BillingPage, call.query)
    known = [
        {"service_type_name": "ModelArts", "service_type_code": orders.SERVICE_TYPE, "abbreviation": "ModelArts"},
    ]
    return Answer({"total_count": len(known), "service_types": known[page.offset : page.offset + page.limit]})


def show_order(call: Call) -> Answer:
    page = read_query(BillingPage, call.query)
    order = _existing(call, call.path["order_id"])
    items = order.line_items()
    shown = items[page.offset : page.offset + page.limit]
    return Answer({"total_count": len(items), "order_info": order.wire(), "order_line_items": shown})


def pay_order(call: Call) -> Answer:
    """Pays an order that waits for payment. Its servers are built from now on."""
    request = read_body(PayOrder, call.body)
    if request.use_coupon == "YES" or request.use_discount == "YES":
        raise parameter_error(
            Service.BILLING, "use_coupon, use_discount: the account has neither coupons nor discounts"
        )
    order = _existing(call, request.order_id)
    if order.status is not OrderStatus.PENDING_PAYMENT:
        raise parameter_error(Service.BILLING, f"order_id: an order of status {order.status} cannot be paid")
    built = pay(call, order)
    call.record("payment", name=built[0].name, order_id=order.id, amount=order.amount, detail="paid on request")
    return Answer(None, status=204)


def cancel_order(call: Call) -> Answer:
    order = _existing(call, read_body(CancelOrder, call.body).order_id)
    if order.status not in _CANCELLABLE:
        raise ApiError(400, "CBC.99005010", "The order status does not allow the order to be cancelled.")
    cancelled = replace(
        order, status=OrderStatus.CANCELLED, pending_until=None, blueprint=None, due_status=None, due_at=None
    )
    orders.change(call.transaction.connection, cancelled)
    return Answer(None, status=204)


def _existing(call: Call, order_id: str) -> Order:
    order = orders.find(call.transaction.connection, call.caller.account.id, order_id)
    if order is None:
        raise parameter_error(Service.BILLING, "order_id: the order does not exist")
    return order


_PAGE: Final = frozenset(BillingPage.model_fields)
_ORDERS: Final = "/v2/orders/customer-orders"
_operation = partial(Operation, service=Service.BILLING)

OPERATIONS: Final = (
    _operation("ListCustomerOrders", "GET", _ORDERS, list_orders, parameters=frozenset(OrdersQuery.model_fields)),
    _operation("ShowCustomerOrderDetails", "GET", f"{_ORDERS}/details/{{order_id}}", show_order, parameters=_PAGE),
    _operation("PayOrders", "POST", "/v3/orders/customer-orders/pay", pay_order, spends=True),
    # The outgoing form, which the vendor's Terraform provider still sends.
    _operation("PayCustomerOrder", "POST", f"{_ORDERS}/pay", pay_order, spends=True),
    _operation("ListServiceTypes", "GET", "/v2/products/service-types", list_service_types, parameters=_PAGE),
    _operation("CancelCustomerOrder", "PUT", f"{_ORDERS}/cancel", cancel_order),
)
