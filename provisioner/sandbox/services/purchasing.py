"""ModelArts: the create call (docs/api/devserver-api.md section 3).

It carries out every request anew, like the real one: no key makes a request repeatable, names may repeat, and `count`
servers are answered as one object.
"""

from typing import Final

from provisioner.sandbox import orders, prices, servers
from provisioner.sandbox.calls import Answer, Call
from provisioner.sandbox.errors import ApiError, InvalidParameterError
from provisioner.sandbox.faults import Sells
from provisioner.sandbox.market import Flavor
from provisioner.sandbox.orders import Order, OrderStatus, OrderType
from provisioner.sandbox.requests.dev_servers import ChargingInfo, CreateServer
from provisioner.sandbox.requests.reading import read_body
from provisioner.sandbox.services.building import Blueprint, build, disks
from provisioner.sandbox.services.paying import pay
from provisioner.sandbox.services.userdata import effect_of

_UNPAID_LIFE_MILLISECONDS: Final = 7 * 24 * prices.MILLISECONDS_PER_HOUR


def create(call: Call) -> Answer:
    """Creates servers. Without `charging_info` a server is POST_PAID, as the vendor's own provider assumes (section
    10, question 3).
    """
    request = read_body(CreateServer, call.body)
    flavor = _on_sale(call, request)
    _check_quota(call, request.count)
    script = effect_of(call, request)
    charging = _sold_as(call, request.charging_info)
    if charging is None or charging.charging_mode == "POST_PAID":
        return _build_at_once(call, _blueprint(call, request, flavor, charging=None), script)
    blueprint = _blueprint(call, request, flavor, charging=charging)
    order = _place(call, blueprint, charging)
    if charging.is_auto_pay and order.status is OrderStatus.PENDING_PAYMENT:
        return _pay_at_once(call, blueprint, order, script)
    return _ordered(call, blueprint, order, script)


def _sold_as(call: Call, asked: ChargingInfo | None) -> ChargingInfo | None:
    """Returns the mode in which the server is sold: the requested one, unless a fault changes it."""
    sale = next((fault for fault in call.faults if isinstance(fault, Sells)), None)
    if sale is None:
        return asked
    base = asked or ChargingInfo(charging_mode=sale.charging_mode, period_type="MONTH", period_num=1)
    pays = base.is_auto_pay or sale.pays
    return base.model_copy(update={"charging_mode": sale.charging_mode, "is_auto_pay": pays})


def _on_sale(call: Call, request: CreateServer) -> Flavor:
    """Raises ApiError if the flavor is sold out, and InvalidParameterError for what the market does not have."""
    market, zone = call.transaction.rules.market, request.availability_zone
    flavor = market.flavor(request.flavor or request.resource_flavor or "")
    if flavor is None:
        raise InvalidParameterError("flavor: the flavor does not exist")
    if zone is not None and zone not in market.zones:
        raise InvalidParameterError(f"availability_zone: must be one of {', '.join(market.zones)}")
    if market.is_sold_out(flavor, zone):
        where = "every zone" if zone is None else zone
        raise ApiError(400, "ModelArts.0118", f"The flavor {flavor.name} is sold out in {where}.")
    return flavor


def _check_quota(call: Call, count: int) -> None:
    project = call.caller.account.project(call.path["project_id"])
    quota = None if project is None else project.server_quota
    if quota is not None and servers.count(call.transaction.connection, call.path["project_id"]) + count > quota:
        raise ApiError(400, "ModelArts.0113", f"The quota of the project, {quota} servers, would be exceeded.")


def _blueprint(call: Call, request: CreateServer, flavor: Flavor, *, charging: ChargingInfo | None) -> Blueprint:
    image = call.transaction.rules.market.image(request.image_id)
    if image is None:
        raise InvalidParameterError("image_id: the image does not exist")
    if image.status == "INACTIVE":
        raise InvalidParameterError("image_id: the image is not active")
    server_type = request.server_type or flavor.server_type
    assert server_type != "HPS", "refused when it was read"
    price = flavor.hourly_price
    if charging is not None:
        price = prices.period_price(price, charging.period_type, charging.period_num)
    return Blueprint(
        account=call.caller.account.id,
        project_id=call.path["project_id"],
        owner=call.caller.user_id,
        name=request.name,
        flavor=request.flavor,
        resource_flavor=request.resource_flavor,
        image_id=request.image_id,
        image_name=image.name,
        arch=request.arch or flavor.arch,
        server_type=server_type,
        vpc_id=request.network.vpc_id,
        subnet_id=request.network.subnet_id,
        key_pair_name=request.key_pair_name,
        volumes=disks(request),
        count=request.count,
        price=price,
        fails="create" in flavor.fails,
        lacking=1 if flavor.falls_short and request.count > 1 else 0,
        auto_renew=charging is not None and charging.is_auto_renew,
    )


def _build_at_once(call: Call, blueprint: Blueprint, script: str) -> Answer:
    built = build(call.transaction, blueprint, order=None)
    for server in built:
        detail = f"{blueprint.spec}{script}"
        call.record("purchase", server_id=server.id, name=server.name, amount=server.price, detail=detail)
    return Answer(built[0].wire())


def _place(call: Call, blueprint: Blueprint, charging: ChargingInfo) -> Order:
    """Places an order, which waits for payment about seven days (after its approval, if the account needs one) and is
    then cancelled (section 8).
    """
    now, approval = call.transaction.now, call.caller.account.approval_milliseconds
    pending_until = now + (approval or 0) + _UNPAID_LIFE_MILLISECONDS
    order = Order(
        id=orders.new_id(now),
        account=blueprint.account,
        order_type=OrderType.NEW,
        status=OrderStatus.PENDING_PAYMENT if approval is None else OrderStatus.PENDING_APPROVAL,
        amount=blueprint.price * blueprint.count,
        create_at=now,
        pending_until=pending_until,
        flavor=blueprint.spec,
        period_type=charging.period_type,
        period_num=charging.period_num,
        subscription_num=blueprint.count,
        blueprint=blueprint.text(),
        due_status=OrderStatus.CANCELLED if approval is None else OrderStatus.PENDING_PAYMENT,
        due_at=pending_until if approval is None else now + approval,
    )
    orders.add(call.transaction.connection, order)
    return order


def _pay_at_once(call: Call, blueprint: Blueprint, order: Order, script: str) -> Answer:
    """Pays the order. If the balance is too low, the order stays unpaid, and the ledger gets a refusal."""
    try:
        built = pay(call, order)
    except ApiError as refusal:
        answer = _ordered(call, blueprint, order, script)
        call.record("refusal", name=blueprint.name, order_id=order.id, detail=str(refusal))
        return answer
    for server in built:
        call.record(
            "purchase",
            server_id=server.id,
            name=server.name,
            order_id=order.id,
            amount=server.price,
            detail=f"{blueprint.spec}{script}",
        )
    call.record("payment", name=blueprint.name, order_id=order.id, amount=order.amount, detail="paid automatically")
    return Answer(built[0].wire())


def _ordered(call: Call, blueprint: Blueprint, order: Order, script: str) -> Answer:
    """Returns the answer for an order. Nothing is built, so it has no id and no status of a server."""
    for _ in range(blueprint.count):
        call.record(
            "purchase",
            name=blueprint.name,
            order_id=order.id,
            amount=blueprint.price,
            detail=f"ordered, not paid{script}",
        )
    body = {
        "order_id": order.id,
        "name": blueprint.name,
        "flavor": blueprint.flavor,
        "resource_flavor": blueprint.resource_flavor,
        "charging_mode": "PRE_PAID",
    }
    return Answer({name: value for name, value in body.items() if value is not None})
