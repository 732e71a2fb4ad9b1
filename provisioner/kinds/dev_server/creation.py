"""How a DevServer is bought, and followed until it is there as it is wanted.

Source: docs/api/devserver-api.md sections 2.1, 3.4 and 8. Every step is guarded by a remembered fact, so that a flow
which starts again after a death goes on where the facts end; it never sends a purchase when an id or order id is known.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace

from provisioner.kinds.dev_server import charging, orders, rows, updates, userdata
from provisioner.kinds.dev_server.names import rename
from provisioner.kinds.dev_server.order_settlement import not_as_ordered
from provisioner.model.address import Address
from provisioner.model.billing import OrderStatus
from provisioner.model.canonical import JsonObject, canonical
from provisioner.model.flow import Answer, Call, Effect, Ended, Flow, Remember, Reply, Service, Step, Wait
from provisioner.model.purchase_policy import DEFAULT_POLICY, Marker, Prepaid, PurchasePolicy
from provisioner.model.resource import Desired, Fields, FieldValue, Live, Phase, Recorded

_LOOKS_BEFORE_ASKING_BILLING = 3
_GOES_ON = "then run apply again: it goes on with this order and buys nothing new"
_KEPT = ("flavor", "resource_flavor", "image_id", "charging_info", "root_volume", "data_volume")
_SHORT = "; as it was ordered with is_auto_pay: true, the balance is probably short"


@dataclass(frozen=True, slots=True)
class _Ordered:
    """What is known of the order of a purchase. `pays`: by us, once it awaits payment; `is_auto`: it was to pay itself; `is_wanted`:
    the specs still say what was ordered. `recorded` is what an earlier run, or a person, has recorded of it.
    """

    id: str | None
    address: Address
    pays: bool
    is_auto: bool
    is_wanted: bool
    recorded: Recorded | None
    charging: object
    """What was asked for: a term, above all."""


def _ended_by(order: _Ordered, status: OrderStatus) -> Ended | None:
    """Where only a person can go on; every other status leaves the outcome open."""
    address = order.address
    cancel = f"`provisioner orders cancel {order.id}`"
    moved_on = (
        f"the specs have changed since it was placed: {cancel} gives it up and costs nothing, and the next apply orders what they say; "
        "paying it buys what was ordered then"
    )
    match status:
        case OrderStatus.AWAITING_PAYMENT:
            hint = f"`provisioner orders pay {order.id}` pays it, {_GOES_ON}; {cancel} gives it up and costs nothing"
            problem = f"awaits payment{_SHORT if order.is_auto else ''}"
            return Ended(Phase.AWAITING_PAYMENT, f"order {order.id} {problem}", hint if order.is_wanted else moved_on)
        case OrderStatus.AWAITING_APPROVAL:
            hint = f"have it approved, {_GOES_ON}; {cancel} gives it up and costs nothing"
            return Ended(
                Phase.AWAITING_PAYMENT, f"order {order.id} awaits approval", hint if order.is_wanted else moved_on
            )
        case OrderStatus.CANCELLED:
            hint = f"{cancel} forgets it, and apply orders again then; or `apply --replace {address.shell_quoted}`"
            return Ended(Phase.FAILED, f"order {order.id} was cancelled; nothing was built", hint)
        case _:
            return None


def request_body(fields: Fields, policy: PurchasePolicy = DEFAULT_POLICY) -> Fields:
    """The POST body: what was declared of a purchase and nothing else but how it is charged, which is always spelt out."""
    body: dict[str, FieldValue] = {key: value for key, value in fields.items() if key not in updates.FURNISHINGS}
    if (charged := charging.wire(fields, policy)) is not None:
        body["charging_info"] = charged
    return userdata.spelt(body, policy, published="userdata")


def charging_of(fields: Fields, policy: PurchasePolicy) -> JsonObject:
    sent = request_body(fields, policy).get("charging_info")
    return _charging_body(sent if isinstance(sent, Mapping) else {})


def charged(recorded: Recorded) -> JsonObject:
    declared = recorded.declared.get("charging_info")
    known = {"is_auto_pay": False, "is_auto_renew": False, **(declared if isinstance(declared, Mapping) else {})}
    shown = recorded.observed.get("charging_mode") or known.get("charging_mode")
    return _charging_body({**known, "charging_mode": "PRE_PAID" if charging.is_prepaid(recorded, None) else shown})


def _charging_body(charging: Mapping[str, object]) -> JsonObject:
    """Of pay-per-use only the mode: it has no term."""
    mode = charging.get("charging_mode")
    told = charging if mode == "PRE_PAID" else {"charging_mode": mode}
    return {
        "charging_info": {key: value for key, value in told.items() if value is None or isinstance(value, str | int)}
    }


def create(desired: Desired, recorded: Recorded | None, policy: PurchasePolicy = DEFAULT_POLICY) -> Flow:
    """A member of a group that was bought by one call comes with the order that they share. It is ready once it runs and bears its
    name: not before, so that a plan which ignores names cannot leave it unnamed.
    """
    identifier = recorded.id if recorded else None
    order_id = recorded.order_id if recorded else None
    wanted = charging.wanted(recorded.declared if recorded else desired.fields, policy)
    shown: tuple[str, ...] = ()
    otherwise: Ended | None = None
    sold = charging.sold_otherwise(recorded, None, desired.fields, policy) if recorded else None
    is_new = identifier is None and order_id is None
    if is_new:
        reply = yield Call(
            Service.MODELARTS,
            "POST",
            rows.SERVERS,
            Effect.PURCHASE,
            body=request_body(desired.fields, policy),
            declares=updates.bought(desired),
            id_fields=("id", "order_id"),
        )
        answer = reply.object() if isinstance(reply, Reply) else {}
        identifier, order_id = _text(answer.get("id")), _text(answer.get("order_id"))
        shown = charging.answered(reply)
        if (otherwise := (yield from charging.compare(wanted, shown, desired.address))) is not None:
            sold = shown[0]
            yield Remember(Phase.ORDERING if identifier is None else Phase.CREATING, sold=sold)
    is_as_ordered = recorded is None or _is_what_was_ordered(desired, recorded)
    pays = sold is None and is_as_ordered and _pays_itself(desired, policy)
    asked = desired.fields if recorded is None else recorded.declared
    sent = request_body(desired.fields, policy) if recorded is None else recorded.declared
    is_auto = policy.prepaid is not Prepaid.TWO_STEP and _auto_pays(sent)
    is_wanted = recorded is None or _is_still_wanted(desired, recorded)
    order = _Ordered(order_id, desired.address, pays, is_auto, is_wanted, recorded, asked.get("charging_info"))
    found = yield from _until_listed(identifier, order)
    if isinstance(found, Ended):
        is_unpaid = found.phase is Phase.AWAITING_PAYMENT and order_id is not None
        if is_unpaid and sold and order_id:
            return charging.unpaid(found, sold=sold, order_id=order_id, address=desired.address)
        return found
    if not shown:
        told = yield from charging.compare_row(wanted, found, desired, order_id=order_id, is_new=is_new)
        if told is not None:
            sold, otherwise = told
            yield Remember(Phase.CREATING, id=found.id, order_id=found.order_id, sold=sold)
    ended = yield from _finished(found, desired, policy)
    if otherwise is None or ended.phase is not Phase.READY:
        return ended
    return replace(otherwise, phase=ended.phase, problem="; ".join(filter(None, (otherwise.problem, ended.problem))))


def _finished(found: Live, desired: Desired, policy: PurchasePolicy) -> Flow:
    """From the first row of a server to its being there as it is wanted."""
    misnamed = found.name != desired.name
    built = Phase.CREATING if misnamed and desired.together else Phase.READY
    ended = yield from _until_built(found, built=built, address=desired.address)
    if ended.phase is Phase.READY and misnamed and (policy.marker is Marker.NONCE or desired.together):
        yield from rename(found.id, desired)
    if ended.phase is Phase.READY and updates.beyond_purchase(desired):
        return (yield from updates.furnish(desired, found.id))
    return ended


def _pays_itself(desired: Desired, policy: PurchasePolicy) -> bool:
    return _auto_pays(desired.fields) and policy.prepaid is Prepaid.TWO_STEP


def _auto_pays(fields: Mapping[str, object]) -> bool:
    declared = fields.get("charging_info")
    return isinstance(declared, Mapping) and declared.get("is_auto_pay") is True


def _is_still_wanted(desired: Desired, recorded: Recorded) -> bool:
    """As far as another machine would be bought for it; whether an order pays itself or renews is not what it was placed for. How it is
    charged is compared with what was declared only where that was sold.
    """
    ignored, charged = desired.lifecycle.ignore_changes, recorded.declared.get("charging_info")
    is_as_sold = isinstance(charged, Mapping) and charging.mode(charged.get("charging_mode")) == charging.PRE_PAID
    passed_over = set() if is_as_sold else {"charging_info"}
    return all(
        canonical(_core(desired.fields.get(key))) == canonical(_core(recorded.declared.get(key)))
        for key in _KEPT
        if (key,) not in ignored and key not in passed_over
    )


def _core(value: object) -> object:
    if not isinstance(value, Mapping):
        return value
    return {key: each for key, each in value.items() if key not in {"is_auto_pay", "is_auto_renew"}}


def _is_what_was_ordered(desired: Desired, recorded: Recorded) -> bool:
    """An order that the specs have moved on from is not paid: a person cancels it, or puts the specs back."""
    return all(canonical(desired.fields.get(key)) == canonical(recorded.declared.get(key)) for key in _KEPT)


def _until_listed(identifier: str | None, order: _Ordered) -> Generator[Step, Answer, Live | Ended]:
    """A prepaid server appears once its order is through; an order that waits for a person ends the wait, one that waits for
    us is paid. Where no row names the order, billing is asked what it has bought.
    """
    order_id, pays = order.id, order.pays
    if pays and order_id is not None and (refused := (yield from _pay(order_id, order))) is not None:
        return refused
    ids: tuple[str, ...] = ()
    while True:
        live = yield Wait(
            settled=lambda row: row is not None,
            id=identifier,
            order_id=order_id,
            ids=ids,
            max_polls=_LOOKS_BEFORE_ASKING_BILLING if order_id else None,
        )
        if isinstance(live, Live):
            return live
        status = yield from orders.read_status(order_id or "")
        if pays and order_id is not None and status is OrderStatus.AWAITING_PAYMENT:
            if (refused := (yield from _pay(order_id, order))) is not None:
                return refused
        elif (end := _ended_by(order, status)) is not None and end.phase is not None:
            yield Remember(end.phase, order_id=order_id)
            return end
        else:
            ids = (yield from orders.resources(order_id or "")) or ()


def _pay(order_id: str, order: _Ordered) -> Generator[Step, Answer, Ended | None]:
    """Only what billing shows as waiting for payment; answers how it ended where the cloud refuses the money."""
    status, lines = yield from orders.read(order_id)
    if status is not OrderStatus.AWAITING_PAYMENT:
        return None
    yield Remember(Phase.AWAITING_PAYMENT, order_id=order_id)
    count = 1 if order.recorded is None else None
    if (unlike := not_as_ordered(order_id, lines, order.charging, order.address, count)) is not None:
        return unlike
    if (refused := (yield from orders.pay(order_id))) is None:
        return None
    if (yield from orders.read_status(order_id)) is not OrderStatus.AWAITING_PAYMENT:
        return None  # refused because an earlier payment, whose answer was lost, went through
    problem = f"order {order_id} awaits payment: {refused.message}"
    return Ended(Phase.AWAITING_PAYMENT, problem, f"see to the account's money, {_GOES_ON}")


def _until_built(live: Live, *, built: Phase, address: Address) -> Flow:
    """What is built at first sight is recorded once; thousands of such servers would else be written and waited for twice.
    It is recorded as `built`.
    """
    row: Answer = live
    if live.status not in rows.STABLE:
        yield Remember(Phase.CREATING, id=live.id, order_id=live.order_id, observed=live.observed)
        row = yield from _until_stable(live.id)
    if not isinstance(row, Live):
        return Ended(Phase.CREATING, "the server is not there any more", "run apply again to look once more")
    if row.status in rows.CREATE_FAILED:
        yield Remember(Phase.FAILED, id=row.id, order_id=row.order_id, observed=row.observed)
        return Ended(
            Phase.FAILED,
            f"the cloud could not build it: status {row.status}",
            f"it exists and may cost money; remove it from the specs to release it, or `apply --replace {address.shell_quoted}`",
        )
    yield Remember(built, id=row.id, order_id=row.order_id, observed=row.observed, first_shown=row.shown)
    return Ended(Phase.READY)


def _until_stable(identifier: str) -> Generator[Step, Answer, Live | None]:
    """None once the cloud knows it no more: that a list lacks it says nothing."""
    while True:
        row = yield Wait(settled=lambda now: now is None or now.status in rows.STABLE, id=identifier)
        if not isinstance(row, Live):
            row = yield from rows.show(identifier)
        if row is None or row.status in rows.STABLE:
            return row


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
