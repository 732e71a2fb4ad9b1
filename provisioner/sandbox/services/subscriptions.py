"""Billing (BSS): subscriptions, their renewal and their end (docs/api/devserver-api.md sections 2.3 and 8).

A subscription is a prepaid server as billing sees it. It exists once the server is built.
"""

from functools import partial
from typing import Final

from provisioner.sandbox import orders, servers
from provisioner.sandbox.calls import Answer, Call, Operation
from provisioner.sandbox.clock import iso_time
from provisioner.sandbox.errors import ApiError, Service, parameter_error
from provisioner.sandbox.naming import named_server
from provisioner.sandbox.orders import Order, OrderStatus, OrderType
from provisioner.sandbox.requests.billing import AutoRenew, QuerySubscriptions, Unsubscribe
from provisioner.sandbox.requests.reading import read_body
from provisioner.sandbox.servers import Server
from provisioner.sandbox.services.releasing import release
from provisioner.sandbox.services.terms import SubscriptionStatus, status_of

_GRACE, _AUTO_RENEW = 0, 3
_RENEWALS_ONLY: Final = 2


def query(call: Call) -> Answer:
    """Lists subscriptions. Closed ones are shown only if `status_list` names them, because callers read "none" as
    "billing does not end it".
    """
    request = read_body(QuerySubscriptions, call.body)
    wanted = frozenset(request.status_list or set(SubscriptionStatus) - {SubscriptionStatus.CLOSED})
    found = [
        server
        for server in _asked(call, request)
        if server.built and _status(call, server) in wanted and _expires_within(server, request)
    ]
    page = found[request.offset : request.offset + request.limit]
    return Answer({"total_count": len(found), "data": [_subscription(call, server) for server in page]})


def unsubscribe(call: Call) -> Answer:
    """Ends the whole order of each resource (section 2.3). It is refused as a whole if no resource can be
    unsubscribed.
    """
    request = read_body(Unsubscribe, call.body)
    if request.unsubscribe_type == _RENEWALS_ONLY:
        raise parameter_error(Service.BILLING, "unsubscribe_type: no resource here has a renewal to give back")
    refusals = {resource_id: _refusal(call, resource_id) for resource_id in request.resource_ids}
    failures = {resource_id: refusal for resource_id, refusal in refusals.items() if refusal is not None}
    if len(failures) == len(refusals):
        raise next(iter(failures.values()))
    for resource_id, refusal in failures.items():
        named = named_server(call, resource_id)
        call.record("refusal", server_id=named.id, name=named.name, order_id=named.order_id, detail=str(refusal))
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


def renew_automatically(call: Call) -> Answer:
    """Switches automatic renewal on, or changes its terms. An empty body is accepted."""
    request = read_body(AutoRenew, call.body or b"{}")
    server = _renewable(call)
    times = request.auto_renew_times or None
    servers.change(
        call.transaction.connection,
        server,
        auto_renew=True,
        renewals_left=times,
        renewal_period=request.period_type,
    )
    return Answer(None, status=204)


def stop_renewing(call: Call) -> Answer:
    server = _renewable(call)
    if not server.auto_renew:
        raise ApiError(400, "CBC.99003605", "The automatic renewal of this resource has been disabled already.")
    servers.change(call.transaction.connection, server, auto_renew=False)
    return Answer(None, status=204)


def _renewable(call: Call) -> Server:
    server = _prepaid_server(call, call.path["resource_id"])
    if server is None or not server.built or _status(call, server) is SubscriptionStatus.CLOSED:
        raise _unknown()
    if _status(call, server) is not SubscriptionStatus.IN_USE:
        raise ApiError(400, "CBC.99003602", "The resource has expired or is frozen: its renewal cannot be changed.")
    return server


def _refusal(call: Call, resource_id: str) -> ApiError | None:
    server = _prepaid_server(call, resource_id)
    if server is None:
        return _unknown()
    if not server.built or _status(call, server) is SubscriptionStatus.CLOSED:
        return ApiError(
            400,
            "CBC.30000067",
            "Unsubscription not supported. This resource has been deleted or the subscription to this resource has not "
            "been synchronized.",
        )
    if _status(call, server) is not SubscriptionStatus.IN_USE:
        return ApiError(400, "CBC.99003656", "The resource has expired or is frozen: it cannot be unsubscribed.")
    return None


def _unknown() -> ApiError:
    return ApiError(400, "CBC.99003012", "The resource ID does not exist.")


def _end_order(call: Call, order_id: str) -> str:
    """Releases everything that the order still has, and returns the id of the order that undoes it."""
    transaction = call.transaction
    refund = sum(
        release(transaction, server, by=call.caller.actor, reason="unsubscribed", faults=call.faults)
        for server in servers.of_order(transaction.connection, order_id)
        if _status(call, server) is not SubscriptionStatus.CLOSED
    )
    ending = Order(
        id=orders.new_id(transaction.now),
        account=call.caller.account.id,
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
    if server is None or server.order_id is None or server.account != call.caller.account.id:
        return None
    return server


def _asked(call: Call, request: QuerySubscriptions) -> list[Server]:
    """Returns the requested subscriptions. All of them are main resources here, so `only_main_resource` filters
    nothing.
    """
    if request.service_type_code not in {None, orders.SERVICE_TYPE}:
        return []
    if request.resource_ids is not None:
        found = (_prepaid_server(call, resource_id) for resource_id in dict.fromkeys(request.resource_ids))
        return [server for server in found if server is not None and request.order_id in {None, server.order_id}]
    connection, account = call.transaction.connection, call.caller.account.id
    if request.order_id is not None:
        return [server for server in servers.of_order(connection, request.order_id) if server.account == account]
    return servers.subscribed(connection, account)


def _expires_within(server: Server, request: QuerySubscriptions) -> bool:
    assert server.expire_at is not None
    begin, end = request.expire_time_begin, request.expire_time_end
    return (begin is None or begin <= server.expire_at) and (end is None or server.expire_at <= end)


def _status(call: Call, server: Server) -> SubscriptionStatus:
    return status_of(server, call.transaction.now)


def _subscription(call: Call, server: Server) -> dict[str, object]:
    assert server.effective_at is not None
    assert server.expire_at is not None
    project = call.caller.account.project(server.project_id)
    body = {
        "id": server.id,
        "resource_id": server.id,
        "resource_name": server.name,
        "resource_spec_code": server.spec,
        "service_type_code": orders.SERVICE_TYPE,
        "region_code": None if project is None else project.region,
        "project_id": server.project_id,
        "is_main_resource": 1,
        "status": _status(call, server),
        "effective_time": iso_time(server.effective_at),
        "expire_time": iso_time(server.expire_at),
        "expire_policy": _AUTO_RENEW if server.auto_renew else _GRACE,
    }
    return {name: value for name, value in body.items() if value is not None}


_SUBSCRIPTIONS: Final = "/v2/orders/subscriptions/resources"
_operation = partial(Operation, service=Service.BILLING)

OPERATIONS: Final = (
    # The misspelt segment is the real one, and the name is the vendor's.
    _operation("ListPayPerUseCustomerResources", "POST", "/v2/orders/suscriptions/resources/query", query),
    _operation("CancelResourcesSubscription", "POST", f"{_SUBSCRIPTIONS}/unsubscribe", unsubscribe, spends=True),
    _operation("AutoRenewalResources", "POST", f"{_SUBSCRIPTIONS}/autorenew/{{resource_id}}", renew_automatically),
    _operation("CancelAutoRenewalResources", "DELETE", f"{_SUBSCRIPTIONS}/autorenew/{{resource_id}}", stop_renewing),
)
