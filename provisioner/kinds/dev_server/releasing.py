"""How a DevServer is released: pay-per-use by delete, prepaid by unsubscribing; by recorded id only.

Source: docs/api/devserver-api.md sections 2.3 and 8. Billing decides which way, not the charging mode alone; gone is
believed only when a complete list lacks the id.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence

from provisioner.kinds.dev_server import orders, rows
from provisioner.kinds.dev_server.orders import OrderStatus
from provisioner.model.canonical import JsonObject
from provisioner.model.flow import (
    Answer,
    Call,
    CallFailed,
    Effect,
    Ended,
    Flow,
    Outcome,
    Remember,
    Reply,
    Service,
    Step,
    Wait,
)  # fmt: skip
from provisioner.model.resource import Fields, Live, Phase, Recorded

_SUBSCRIPTIONS = "/v2/orders/suscriptions/resources/query"  # spelt so on the wire (section 8)
_UNSUBSCRIBE = "/v2/orders/subscriptions/resources/unsubscribe"
_RESOURCE_AND_RENEWALS = 1
_NOT_KNOWN_TO_BILLING = "CBC.30000067"
_LOOKS_FOR_AN_EARLIER_RELEASE = 5


def delete(recorded: Recorded, live: Live | None) -> Flow:
    if recorded.id is None:
        return (yield from _drop_order(recorded))
    if live is not None and live.status not in rows.STABLE | rows.RELEASING:
        live = yield from _until_stable(recorded.id)
    if live is None:
        return Ended(None)
    looks: int | None = None
    if live.status != rows.DELETING:
        refusal, looks = yield from _release(recorded.id, live)
        if refusal is not None:
            return refusal
    gone = yield Wait(settled=_settled, id=recorded.id, looks=looks)
    if not isinstance(gone, Live):
        return Ended(None)
    yield Remember(recorded.phase, observed=gone.observed)
    if gone.status == rows.DELETE_FAILED:
        return Ended(
            recorded.phase, "the cloud could not release it: status DELETE_FAILED", "try again, or ask the vendor"
        )
    return Ended(
        recorded.phase,
        "billing says it is released or not known yet, and it is still there",
        "try again in some minutes",
    )


def _until_stable(identifier: str) -> Generator[Step, Answer, Live | None]:
    """The cloud refuses to release what is still building or moving (section 10, question 11)."""
    row = yield Wait(settled=lambda row: row is None or row.status in rows.STABLE | rows.RELEASING, id=identifier)
    return row if isinstance(row, Live) else None


def _settled(row: Live | None) -> bool:
    """An old failure just after the call is not a new one (section 4), so only DELETE_FAILED counts."""
    return row is None or row.status == rows.DELETE_FAILED


def _release(identifier: str, live: Live) -> Generator[Step, Answer, tuple[Ended | None, int | None]]:
    """Sends the one call that releases. Answers a refusal, or how many looks the disappearance may take."""
    subscribed = yield from _is_subscribed(identifier, live)
    if not subscribed or live.status in rows.CREATE_FAILED:
        if live.observed.get("charging_mode") == "PRE_PAID" and live.status not in rows.CREATE_FAILED:
            return Ended(
                Phase.READY, "it is prepaid, and billing does not know it yet", "try again in some minutes"
            ), None
        try:
            yield Call(Service.MODELARTS, "DELETE", rows.server_path(identifier), Effect.DESTRUCTIVE)
        except CallFailed as failed:
            if not failed.not_found:
                raise
        return None, None
    body: Fields = {"resource_ids": [identifier], "unsubscribe_type": _RESOURCE_AND_RENEWALS}
    try:
        reply = yield Call(Service.BILLING, "POST", _UNSUBSCRIBE, Effect.DESTRUCTIVE, body=body)
    except CallFailed as failed:
        if failed.code != _NOT_KNOWN_TO_BILLING:
            raise
        return None, _LOOKS_FOR_AN_EARLIER_RELEASE
    for failure in _objects(reply, "fail_resource_infos"):
        if failure.get("error_code") == _NOT_KNOWN_TO_BILLING:
            return None, _LOOKS_FOR_AN_EARLIER_RELEASE
        yield Remember(Phase.READY)
        problem = f"billing refused to unsubscribe it: {failure.get('error_msg')} ({failure.get('error_code')})"
        return Ended(Phase.READY, problem, "see the order in the console"), None
    return None, None


def _is_subscribed(identifier: str, live: Live) -> Generator[Step, Answer, bool]:
    """Where billing may not be asked, a server shown as pay-per-use is tried with DELETE: the cloud refuses that for a
    prepaid one (section 2.3), so nothing can be lost by it.
    """
    body: Fields = {"resource_ids": [identifier], "only_main_resource": 1}
    try:
        reply = yield Call(Service.BILLING, "POST", _SUBSCRIPTIONS, Effect.READ, body=body)
    except CallFailed as failed:
        if failed.outcome is Outcome.REFUSED and live.observed.get("charging_mode") == "POST_PAID":
            return False
        raise
    return any(row.get("resource_id") == identifier for row in _objects(reply, "data"))


def _objects(reply: Answer, key: str) -> list[JsonObject]:
    rows_found = reply.object().get(key) if isinstance(reply, Reply) else None
    return [row for row in rows_found if isinstance(row, dict)] if isinstance(rows_found, Sequence) else []


def _drop_order(recorded: Recorded) -> Flow:
    """An order without a server: a cancelled one is forgotten, any other still belongs to a person's decision."""
    status = yield from orders.read_status(recorded.order_id or "")
    if status is OrderStatus.CANCELLED:
        return Ended(None)
    return Ended(
        recorded.phase,
        f"order {recorded.order_id} is not finished, and no server of it is known yet",
        "cancel it in the console or let it finish, then run this again",
    )
