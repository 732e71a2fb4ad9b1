"""How a DevServer is bought, renamed, and followed until it runs.

Source: docs/api/devserver-api.md sections 2.1, 3.4 and 8. Every step is guarded by a remembered fact, so that a flow
which starts again after a death goes on where the facts end; it never sends a purchase when an id or order id is known.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping

from provisioner.kinds.dev_server import orders, rows
from provisioner.kinds.dev_server.orders import OrderStatus
from provisioner.model.flow import Answer, Call, Effect, Ended, Flow, Remark, Remember, Reply, Service, Step, Wait
from provisioner.model.resource import Desired, FieldPath, Fields, FieldValue, Live, Phase, Recorded

_LOOKS_BEFORE_ASKING_BILLING = 3
_GOES_ON = "then run apply again: it goes on with this order and buys nothing new"
_ENDED_BY_ORDER = {
    OrderStatus.AWAITING_PAYMENT: (
        Phase.AWAITING_PAYMENT,
        "awaits payment (with is_auto_pay: true this usually means the balance is short)",
        f"pay or cancel it in the console, {_GOES_ON}",
    ),
    OrderStatus.AWAITING_APPROVAL: (Phase.AWAITING_PAYMENT, "awaits approval", f"have it approved, {_GOES_ON}"),
    OrderStatus.CANCELLED: (
        Phase.FAILED,
        "was cancelled; nothing was built",
        "to order again, name the address: apply --replace ADDRESS",
    ),
}
"""Where only a person can go on; every other status leaves the outcome open."""


def wire(fields: Fields) -> Fields:
    """The POST body: what was declared and nothing else, with both payment flags spelt out (their defaults are not published)."""
    body: dict[str, FieldValue] = dict(fields)
    if isinstance(charging := body.get("charging_info"), Mapping):
        body["charging_info"] = {"is_auto_pay": False, "is_auto_renew": False, **charging}
    return body


def create(desired: Desired, recorded: Recorded | None) -> Flow:
    identifier = recorded.id if recorded else None
    order_id = recorded.order_id if recorded else None
    if identifier is None and order_id is None:
        reply = yield Call(
            Service.MODELARTS,
            "POST",
            rows.SERVERS,
            Effect.PURCHASE,
            body=wire(desired.fields),
            learns=("id", "order_id"),
        )
        answer = reply.object() if isinstance(reply, Reply) else {}
        identifier, order_id = _text(answer.get("id")), _text(answer.get("order_id"))
        yield from _compare_charging(desired, _text(answer.get("charging_mode")))
    found = yield from _until_listed(identifier, order_id)
    if isinstance(found, Ended):
        return found
    yield Remember(Phase.CREATING, id=found.id, order_id=found.order_id, observed=found.observed)
    return (yield from _until_built(found))


def _compare_charging(desired: Desired, answered: str | None) -> Generator[Remark, Answer, None]:
    charging = desired.fields.get("charging_info")
    wanted = charging.get("charging_mode") if isinstance(charging, Mapping) else "POST_PAID"
    if answered in {"PRE_PAID", "POST_PAID"} and answered != wanted:
        yield Remark(
            "charging-mismatch",
            f"the cloud sold this server as {answered}, not {wanted}",
            "look at it in the console: its term and its release go through billing",
        )


def _until_listed(identifier: str | None, order_id: str | None) -> Generator[Step, Answer, Live | Ended]:
    """A prepaid server appears once its order is through; an order that waits for a person ends the wait."""
    while True:
        live = yield Wait(
            settled=lambda row: row is not None,
            id=identifier,
            order_id=order_id,
            looks=_LOOKS_BEFORE_ASKING_BILLING if order_id else None,
        )
        if isinstance(live, Live):
            return live
        status = yield from orders.read_status(order_id or "")
        if (end := _ENDED_BY_ORDER.get(status)) is not None:
            phase, problem, hint = end
            yield Remember(phase, order_id=order_id)
            return Ended(phase, f"order {order_id} {problem}", hint)


def _until_built(live: Live) -> Flow:
    built = yield Wait(settled=lambda row: row is None or row.status in rows.STABLE, id=live.id)
    if not isinstance(built, Live):
        return Ended(Phase.CREATING, "the server is not listed any more", "run apply again to look once more")
    if built.status in rows.CREATE_FAILED:
        yield Remember(Phase.FAILED, observed=built.observed)
        return Ended(
            Phase.FAILED,
            f"the cloud could not build it: status {built.status}",
            "it exists and may cost money; remove it from the specs to release it, or apply --replace ADDRESS",
        )
    yield Remember(Phase.READY, observed=built.observed)
    return Ended(Phase.READY)


def update(desired: Desired, recorded: Recorded, changed: frozenset[FieldPath]) -> Flow:
    """The name is the only property that changes in place (section 2.1); repeating the call is harmless."""
    facts = Remember(recorded.phase)  # labels and protection are recorded with any facts
    if ("name",) in changed:
        path, name = rows.server_path(recorded.id or ""), {"name": desired.name}
        reply = yield Call(Service.MODELARTS, "PUT", path, Effect.REPEATABLE, body=name)
        observed = rows.read(reply.body).observed if isinstance(reply, Reply) else None
        facts = Remember(recorded.phase, declared=name, observed=observed)
    yield facts
    return Ended(recorded.phase)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
