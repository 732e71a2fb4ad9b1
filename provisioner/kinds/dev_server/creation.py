"""Buys a DevServer and follows it until it exists as it is wanted.

Source: docs/api/devserver-api.md sections 2.1, 3.4 and 8. Every step is guarded by a remembered fact, so a flow that
starts again after a crash continues where the facts end. It never sends a purchase when an id or order id is known.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace

from provisioner.kinds.dev_server import charging, orders, rows, updates, userdata
from provisioner.kinds.dev_server.names import rename
from provisioner.kinds.dev_server.order_settlement import refuse_unlike
from provisioner.model.address import Address
from provisioner.model.billing import OrderStatus
from provisioner.model.canonical import canonical
from provisioner.model.flow import Answer, Call, Effect, Ended, Flow, Remember, Reply, Service, Step, Wait
from provisioner.model.purchase_policy import DEFAULT_POLICY, Marker, Prepaid, PurchasePolicy
from provisioner.model.resource import Desired, Fields, FieldValue, Live, Phase, Recorded

_POLLS_BEFORE_ASKING_BILLING = 3
_THEN_APPLY = "then run `provisioner apply` again; it continues with this order and buys nothing new"
_ORDERED_FIELDS = ("flavor", "resource_flavor", "image_id", "charging_info", "root_volume", "data_volume")
"""The fields that decide which machine is bought."""
_BALANCE_SHORT = "; it was ordered with is_auto_pay: true, so the balance is probably too low"


@dataclass(frozen=True, slots=True)
class _Order:
    """What is known about the order of a purchase."""

    id: str | None
    address: Address
    is_ours_to_pay: bool
    """We pay it once it awaits payment."""
    is_auto_paid: bool
    """It was placed with automatic payment."""
    is_wanted: bool
    """The specs still declare what was ordered."""
    recorded: Recorded | None
    """What an earlier run, or a person, has recorded of it."""
    charging: object
    """The `charging_info` that was asked for, above all its term."""


def _end_for_person(order: _Order, status: OrderStatus) -> Ended | None:
    """Returns how the flow ends where only a person can go on.

    Every other status leaves the outcome open, which is None.
    """
    address = order.address
    cancel = f"`provisioner orders cancel {order.id}`"
    moved_on = (
        f"the specs have changed since it was placed: {cancel} cancels it and costs nothing, and the next apply orders what they say; "
        "paying it buys what was ordered then"
    )
    match status:
        case OrderStatus.AWAITING_PAYMENT:
            hint = f"`provisioner orders pay {order.id}` pays it, {_THEN_APPLY}; {cancel} cancels it and costs nothing"
            problem = f"awaits payment{_BALANCE_SHORT if order.is_auto_paid else ''}"
            return Ended(Phase.AWAITING_PAYMENT, f"order {order.id} {problem}", hint if order.is_wanted else moved_on)
        case OrderStatus.AWAITING_APPROVAL:
            hint = f"have it approved, {_THEN_APPLY}; {cancel} cancels it and costs nothing"
            return Ended(
                Phase.AWAITING_PAYMENT, f"order {order.id} awaits approval", hint if order.is_wanted else moved_on
            )
        case OrderStatus.CANCELLED:
            hint = f"{cancel} forgets it, and apply orders again then; or `provisioner apply --replace {address.shell_quoted}`"
            return Ended(Phase.FAILED, f"order {order.id} was cancelled; nothing was built", hint)
        case _:
            return None


def request_body(fields: Fields, policy: PurchasePolicy = DEFAULT_POLICY) -> Fields:
    """Returns the POST body: the declared fields that belong to a purchase, and how it is charged, declared or not."""
    body: dict[str, FieldValue] = {key: value for key, value in fields.items() if key not in updates.POST_BUILD_FIELDS}
    if (charging_info := charging.request_section(fields, policy)) is not None:
        body["charging_info"] = charging_info
    return userdata.with_request_key(body, policy, published="userdata")


def create(desired: Desired, recorded: Recorded | None, policy: PurchasePolicy = DEFAULT_POLICY) -> Flow:
    """Buys a server, or goes on with the purchase that `recorded` describes, until the server is ready.

    A member of a group that was bought by one call is recorded with the order that the group shares. It is ready only
    once it runs and has its own name, so that a plan which ignores names cannot leave it without one.
    """
    identifier = recorded.id if recorded else None
    order_id = recorded.order_id if recorded else None
    wanted = charging.wanted_mode(recorded.declared if recorded else desired.fields, policy)
    shown: tuple[str, ...] = ()
    mismatch: Ended | None = None
    sold = charging.sold_otherwise(recorded, None, desired.fields, policy) if recorded else None
    is_new = identifier is None and order_id is None
    if is_new:
        reply = yield Call(
            Service.MODELARTS,
            "POST",
            rows.SERVERS,
            Effect.PURCHASE,
            body=request_body(desired.fields, policy),
            declares=updates.fields_once_built(desired),
            id_fields=("id", "order_id"),
        )
        answer = reply.object() if isinstance(reply, Reply) else {}
        identifier, order_id = _text(answer.get("id")), _text(answer.get("order_id"))
        shown = charging.modes_in_reply(reply)
        if (mismatch := (yield from charging.compare(wanted, shown, desired.address))) is not None:
            sold = shown[0]
            yield Remember(Phase.ORDERING if identifier is None else Phase.CREATING, sold=sold)
    is_as_ordered = recorded is None or _is_as_ordered(desired, recorded)
    is_ours_to_pay = sold is None and is_as_ordered and _pays_in_two_steps(desired, policy)
    asked = desired.fields if recorded is None else recorded.declared
    sent = request_body(desired.fields, policy) if recorded is None else recorded.declared
    is_auto_paid = policy.prepaid is not Prepaid.TWO_STEP and _has_auto_pay(sent)
    is_wanted = recorded is None or _is_still_wanted(desired, recorded)
    order = _Order(
        order_id, desired.address, is_ours_to_pay, is_auto_paid, is_wanted, recorded, asked.get("charging_info")
    )
    found = yield from _wait_until_listed(identifier, order)
    if isinstance(found, Ended):
        is_unpaid = found.phase is Phase.AWAITING_PAYMENT and order_id is not None
        if is_unpaid and sold and order_id:
            return charging.unpaid_mismatch(found, sold=sold, order_id=order_id, address=desired.address)
        return found
    if not shown:
        compared = yield from charging.compare_row(wanted, found, desired, order_id=order_id, is_new=is_new)
        if compared is not None:
            sold, mismatch = compared
            yield Remember(Phase.CREATING, id=found.id, order_id=found.order_id, sold=sold)
    ended = yield from _finish(found, desired, policy)
    if mismatch is None or ended.phase is not Phase.READY:
        return ended
    return replace(mismatch, phase=ended.phase, problem="; ".join(filter(None, (mismatch.problem, ended.problem))))


def _finish(found: Live, desired: Desired, policy: PurchasePolicy) -> Flow:
    """Goes on from the first row of a server until it is as wanted: built, named, and with its post-build fields."""
    misnamed = found.name != desired.name
    built = Phase.CREATING if misnamed and desired.together else Phase.READY
    ended = yield from _wait_until_built(found, built=built, address=desired.address)
    if ended.phase is Phase.READY and misnamed and (policy.marker is Marker.NONCE or desired.together):
        yield from rename(found.id, desired)
    if ended.phase is Phase.READY and updates.post_build_fields(desired):
        return (yield from updates.apply_post_build_fields(desired, found.id))
    return ended


def _pays_in_two_steps(desired: Desired, policy: PurchasePolicy) -> bool:
    return _has_auto_pay(desired.fields) and policy.prepaid is Prepaid.TWO_STEP


def _has_auto_pay(fields: Mapping[str, object]) -> bool:
    declared = fields.get("charging_info")
    return isinstance(declared, Mapping) and declared.get("is_auto_pay") is True


def _is_still_wanted(desired: Desired, recorded: Recorded) -> bool:
    """Returns whether the specs would still buy the machine that was ordered.

    Automatic payment and renewal do not count, as no order is placed for their sake. `charging_info` counts only where
    PRE_PAID was declared, which is how an order is sold.
    """
    ignored, charged = desired.lifecycle.ignore_changes, recorded.declared.get("charging_info")
    is_as_sold = isinstance(charged, Mapping) and charging.parse_mode(charged.get("charging_mode")) == charging.PRE_PAID
    not_compared = set() if is_as_sold else {"charging_info"}
    return all(
        canonical(_without_flags(desired.fields.get(key))) == canonical(_without_flags(recorded.declared.get(key)))
        for key in _ORDERED_FIELDS
        if (key,) not in ignored and key not in not_compared
    )


def _without_flags(value: object) -> object:
    if not isinstance(value, Mapping):
        return value
    return {key: each for key, each in value.items() if key not in {"is_auto_pay", "is_auto_renew"}}


def _is_as_ordered(desired: Desired, recorded: Recorded) -> bool:
    """Returns whether the specs declare exactly what was ordered.

    Any other order is not paid: a person cancels it, or restores the specs.
    """
    return all(canonical(desired.fields.get(key)) == canonical(recorded.declared.get(key)) for key in _ORDERED_FIELDS)


def _wait_until_listed(identifier: str | None, order: _Order) -> Generator[Step, Answer, Live | Ended]:
    """Waits for the first row of the server, and pays its order where that is ours to pay.

    A prepaid server appears once its order is through. An order that awaits a person ends the wait. Where no row names
    the order, billing is asked what it has bought.
    """
    order_id, is_ours_to_pay = order.id, order.is_ours_to_pay
    if is_ours_to_pay and order_id is not None and (refused := (yield from _pay(order_id, order))) is not None:
        return refused
    ids: tuple[str, ...] = ()
    while True:
        live = yield Wait(
            settled=lambda row: row is not None,
            id=identifier,
            order_id=order_id,
            ids=ids,
            max_polls=_POLLS_BEFORE_ASKING_BILLING if order_id else None,
        )
        if isinstance(live, Live):
            return live
        status = yield from orders.read_status(order_id or "")
        if is_ours_to_pay and order_id is not None and status is OrderStatus.AWAITING_PAYMENT:
            if (refused := (yield from _pay(order_id, order))) is not None:
                return refused
        elif (end := _end_for_person(order, status)) is not None and end.phase is not None:
            yield Remember(end.phase, order_id=order_id)
            return end
        else:
            ids = (yield from orders.bought_ids(order_id or "")) or ()


def _pay(order_id: str, order: _Order) -> Generator[Step, Answer, Ended | None]:
    """Pays an order that billing shows as awaiting payment.

    Returns how the flow ends where it was not paid, and None elsewhere.
    """
    status, lines = yield from orders.read(order_id)
    if status is not OrderStatus.AWAITING_PAYMENT:
        return None
    yield Remember(Phase.AWAITING_PAYMENT, order_id=order_id)
    count = 1 if order.recorded is None else None
    if (ended := refuse_unlike(order_id, lines, order.charging, order.address, count)) is not None:
        return ended
    if (refused := (yield from orders.pay(order_id))) is None:
        return None
    if (yield from orders.read_status(order_id)) is not OrderStatus.AWAITING_PAYMENT:
        return None  # refused because an earlier payment, whose answer was lost, went through
    problem = f"order {order_id} awaits payment: {refused.message}"
    return Ended(Phase.AWAITING_PAYMENT, problem, f"check the account's balance, {_THEN_APPLY}")


def _wait_until_built(live: Live, *, built: Phase, address: Address) -> Flow:
    """Waits until the server is built, and records it in the phase `built`.

    A server that is built when it is first seen is recorded once; else thousands of them would be written and waited
    for twice.
    """
    row: Answer = live
    if live.status not in rows.STABLE:
        yield Remember(Phase.CREATING, id=live.id, order_id=live.order_id, observed=live.observed)
        row = yield from _wait_until_stable(live.id)
    if not isinstance(row, Live):
        return Ended(Phase.CREATING, "the server no longer exists", "run `provisioner apply` again to look once more")
    if row.status in rows.CREATE_FAILED:
        yield Remember(Phase.FAILED, id=row.id, order_id=row.order_id, observed=row.observed)
        return Ended(
            Phase.FAILED,
            f"the cloud could not build it: status {row.status}",
            f"it exists and may cost money; remove it from the specs to release it, or `provisioner apply --replace {address.shell_quoted}`",
        )
    yield Remember(built, id=row.id, order_id=row.order_id, observed=row.observed, first_shown=row.shown)
    return Ended(Phase.READY)


def _wait_until_stable(identifier: str) -> Generator[Step, Answer, Live | None]:
    """Waits for a stable status. Returns None once the cloud answers that the server does not exist.

    A list that lacks it proves nothing.
    """
    while True:
        row = yield Wait(settled=lambda now: now is None or now.status in rows.STABLE, id=identifier)
        if not isinstance(row, Live):
            row = yield from rows.show(identifier)
        if row is None or row.status in rows.STABLE:
            return row


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
