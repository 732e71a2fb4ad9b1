"""How a DevServer is released: pay-per-use by delete, prepaid by unsubscribing; by recorded id only.

Source: docs/api/devserver-api.md sections 2.3 and 8. Billing decides which way, not the charging mode alone; gone is
believed only when a complete list lacks the id and a show of it says not found.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence

from provisioner.kinds.dev_server import charging, orders, rows
from provisioner.model.billing import SUBSCRIPTIONS, OrderStatus
from provisioner.model.canonical import JsonObject
from provisioner.model.doubt import absent_hint
from provisioner.model.flow import (
    Answer,
    Call,
    CallFailed,
    Effect,
    Ended,
    EndsTerm,
    Flow,
    Joint,
    Outcome,
    ReadFlow,
    Remember,
    Reply,
    Service,
    Step,
    Wait,
)  # fmt: skip
from provisioner.model.order_ways import cancel_hint
from provisioner.model.resource import Fields, Live, Phase, Recorded
from provisioner.model.resource_id import request_spelling, resource_ids

_UNSUBSCRIBE = "/v2/orders/subscriptions/resources/unsubscribe"
_RESOURCE_AND_RENEWALS = 1
_NOT_KNOWN_TO_BILLING = "CBC.30000067"
_LOOKS_FOR_AN_EARLIER_RELEASE = 5
_LOOKS_FOR_A_FIRST_SIGHT = 4
_BY_HAND = (
    "try again in some minutes; where that stays so, unsubscribe it in the console: once it is gone there, the next apply or destroy "
    "drops its record with --allow vanished"
)
_BUILT = frozenset({Phase.READY, Phase.REINSTALLING})


def delete(recorded: Recorded, live: Live | None) -> Flow:
    """One that the plan has seen in a status which nobody knows is not waited for: a person has said that it is to go all the same."""
    is_known = live is None or live.status in rows.STATUSES
    was_seen = bool(recorded.observed) or recorded.phase is Phase.DELETING  # only what somebody saw was ever released
    if recorded.id is None or (live is None and not was_seen):
        seen = yield from _first_sight(recorded)
        if isinstance(seen, Ended):
            return seen
        live = seen
    elif live is not None and not was_seen:
        yield _seen(recorded, live)
    if live is not None and is_known and live.status not in rows.STABLE | rows.RELEASING:
        live = yield from _until(live.id, rows.STABLE | rows.RELEASING)
    if live is None:
        return Ended(None)
    looks: int | None = None
    if live.status != rows.DELETING:
        refusal, looks = yield from _release(live.id, live, is_prepaid=_is_prepaid(recorded, live))
        if refusal is not None:
            return refusal
    left = yield from _until(live.id, frozenset({rows.DELETE_FAILED}), looks)
    if left is None:
        return Ended(None)
    yield Remember(recorded.phase, observed=left.observed)
    if left.status == rows.DELETE_FAILED:
        return Ended(
            recorded.phase, "the cloud could not release it: status DELETE_FAILED", "try again, or ask the vendor"
        )
    return Ended(
        recorded.phase,
        "billing says it is released or not known yet, and it is still there",
        _BY_HAND,
    )


def ends_its_order(recorded: Recorded, live: Live | None, *, subscribed: bool = False) -> bool:
    """Unsubscribing ends all that one order bought; what could not be built, or has a fault, is deleted by itself (section 2.3)."""
    is_paid = subscribed or charging.is_prepaid(recorded, live)
    return is_paid and (live is None or not deleted_alone(live))


def deleted_alone(live: Live) -> bool:
    """What was not built, or has a fault, is deleted whatever billing says of it (section 2.3)."""
    return live.status in rows.CREATE_FAILED


def gives_up_a_term(recorded: Recorded, live: Live | None, *, subscribed: bool = False) -> bool:
    """What could not be built has none. A fault of what was built shows the same status (`ERROR`): then it counts whether it was ever seen
    to be built, or has a subscription.
    """
    if not (subscribed or charging.is_prepaid(recorded, live)):
        return False
    if live is None or live.status not in rows.CREATE_FAILED:
        return True
    was_built = recorded.phase in _BUILT or recorded.term is not None or recorded.observed.get("status") in rows.BUILT
    return live.status == rows.ERROR and (was_built or subscribed)


def _first_sight(recorded: Recorded) -> Generator[Step, Answer, Live | Ended]:
    """A purchase that no list has shown yet is not known to be gone: it must show, or its order be known to have failed. Where no
    row names its order, billing is asked what that has bought.
    """
    row = yield _looking_for(recorded, looks=_LOOKS_FOR_A_FIRST_SIGHT)
    if row is None and recorded.order_id is not None and (ids := (yield from orders.resources(recorded.order_id))):
        row = yield _looking_for(recorded, ids=ids, looks=1)
    if isinstance(row, Live):
        yield _seen(recorded, row)
        return row
    status = OrderStatus.UNKNOWN
    if recorded.order_id is not None:
        status = yield from orders.read_status(recorded.order_id)
        if status is OrderStatus.CANCELLED:
            return Ended(None)
    if status in orders.UNPAID:
        problem = f"order {recorded.order_id} is not paid, so there is nothing to release and nothing is forgotten"
        return Ended(Phase.AWAITING_PAYMENT, problem, cancel_hint(recorded.address))
    what = f"server {recorded.id}" if recorded.id else f"a server of order {recorded.order_id}"
    unread = f"where its order is not paid, {cancel_hint(recorded.address)}; else "
    return Ended(
        recorded.phase,
        f"the cloud has not shown {what} yet, so there is nothing to release and nothing is forgotten",
        f"{unread if recorded.order_id and status is OrderStatus.UNKNOWN else ''}look at the console, and run this again in some "
        f"minutes; {absent_hint(recorded.address)}",
    )


def _seen(recorded: Recorded, row: Live) -> Remember:
    """Before it is released: after a death nothing else would tell that it has gone from one that was never shown."""
    return Remember(recorded.phase, id=row.id, order_id=row.order_id, observed=row.observed)


def _looking_for(recorded: Recorded, *, looks: int, ids: tuple[str, ...] = ()) -> Wait:
    return Wait(
        settled=lambda row: row is not None, id=recorded.id, order_id=recorded.order_id, ids=ids, max_polls=looks
    )


def _until(identifier: str, statuses: frozenset[str], looks: int | None = None) -> Generator[Step, Answer, Live | None]:
    """Until the server has one of `statuses`, or is gone: a list may lag or be another user's, so only a show that says
    not found counts as gone (sections 2.2 and 5.2).
    """
    while True:
        row = yield Wait(
            settled=lambda row: row is None or row.status in statuses,
            id=identifier,
            max_polls=looks,
            confirms_absence=True,
        )
        if not isinstance(row, Live):
            row = yield from rows.show(identifier)
        if row is None or row.status in statuses or looks is not None:
            return row


def _is_prepaid(recorded: Recorded, live: Live) -> bool:
    """By what its row shows; where that says nothing of it, by all that is known: it is not deleted because billing is silent, too."""
    is_told = charging.mode(live.observed.get("charging_mode")) is not None
    return charging.shows_prepaid(live) if is_told else charging.is_prepaid(recorded, live)


def _release(
    identifier: str, live: Live, *, is_prepaid: bool
) -> Generator[Step, Answer, tuple[Ended | None, int | None]]:
    """Sends the one call that releases. Answers a refusal, or how many looks the disappearance may take."""
    subscribed = yield from is_subscribed(live)
    is_deleted = not subscribed or deleted_alone(live)
    if subscribed and live.status != "CREATE_FAILED":
        yield EndsTerm(identifier, ends_order=not is_deleted, order_id=live.order_id, created_at=live.created_at)
    if is_deleted:
        if is_prepaid and not deleted_alone(live):
            if not (yield from _is_on_its_way_out(identifier)):
                return Ended(Phase.READY, "it is prepaid, and billing does not know it yet", _BY_HAND), None
            return None, None
        try:
            yield Call(Service.MODELARTS, "DELETE", rows.server_path(identifier), Effect.DESTRUCTIVE)
        except CallFailed as failed:
            if not failed.not_found:
                raise
        return None, None
    body: Fields = {"resource_ids": [request_spelling(identifier)], "unsubscribe_type": _RESOURCE_AND_RENEWALS}
    try:
        reply = yield Call(Service.BILLING, "POST", _UNSUBSCRIBE, Effect.DESTRUCTIVE, body=body)
    except CallFailed as failed:
        if failed.code != _NOT_KNOWN_TO_BILLING or failed.outcome is not Outcome.REFUSED:
            raise
        return None, _LOOKS_FOR_AN_EARLIER_RELEASE
    for failure in _objects(reply, "fail_resource_infos"):
        if failure.get("error_code") == _NOT_KNOWN_TO_BILLING:
            return None, _LOOKS_FOR_AN_EARLIER_RELEASE
        yield Remember(Phase.READY)
        problem = f"billing refused to unsubscribe it: {failure.get('error_msg')} ({failure.get('error_code')})"
        return Ended(Phase.READY, problem, "see the order in the console"), None
    return None, None


def _is_on_its_way_out(identifier: str) -> Generator[Step, Answer, bool]:
    """With its order, that is: releasing another server of it has ended it for all."""
    row = yield from rows.show(identifier)
    return row is None or row.status == rows.DELETING


def is_subscribed(live: Live) -> ReadFlow[bool]:
    """Where billing may not be asked, a server shown as pay-per-use is tried with DELETE: the cloud refuses that for a
    prepaid one (section 2.3), so nothing can be lost by it.
    """
    body: Fields = {"resource_ids": [request_spelling(live.id)], "only_main_resource": 1}
    try:
        reply = yield Call(Service.BILLING, "POST", SUBSCRIPTIONS, Effect.READ, body=body, joins=_TOGETHER)
    except CallFailed as failed:
        if failed.outcome is Outcome.REFUSED and live.observed.get("charging_mode") == "POST_PAID":
            return False
        raise
    known = (row.get("resource_id") for row in _objects(reply, "data"))
    return live.id in resource_ids(each for each in known if isinstance(each, str))


def _is_whole(reply: Reply) -> bool:
    total = reply.object().get("total_count")
    return isinstance(total, int) and total == len(_objects(reply, "data"))


_TOGETHER = Joint("resource_ids", most=50, more={"limit": 100}, is_whole=_is_whole)
"""Each of the fifty may have more than one subscription."""


def _objects(reply: Answer, key: str) -> list[JsonObject]:
    rows_found = reply.object().get(key) if isinstance(reply, Reply) else None
    return [row for row in rows_found if isinstance(row, dict)] if isinstance(rows_found, Sequence) else []
