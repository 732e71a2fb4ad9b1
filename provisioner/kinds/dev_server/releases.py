"""Releases a DevServer by its recorded id: a pay-per-use server is deleted, a prepaid one is unsubscribed.

Source: docs/api/devserver-api.md sections 2.3 and 8. Billing decides which of the two, not the charging mode alone. A
server is gone only when a complete list lacks its id and a request for that id answers not found.
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
"""The `unsubscribe_type` that gives up the current term and its renewals."""
_NOT_KNOWN_TO_BILLING = "CBC.30000067"
_POLLS_FOR_AN_EARLIER_RELEASE = 5
_POLLS_FOR_A_FIRST_ROW = 4
_BY_HAND = "try again in some minutes. If that does not help, unsubscribe it in the console; once it is gone there, the next apply or destroy drops its record with --allow vanished"
_BUILT = frozenset({Phase.READY, Phase.REINSTALLING})


def delete(recorded: Recorded, live: Live | None) -> Flow:
    """Releases the server and waits until it is gone.

    A server that the plan saw in an unknown status is not waited for first: a person has decided that it goes all the
    same.
    """
    is_known = live is None or live.status in rows.STATUSES
    was_seen = bool(recorded.observed) or recorded.phase is Phase.DELETING  # no release is sent before a row was seen
    if recorded.id is None or (live is None and not was_seen):
        first = yield from _wait_for_first_row(recorded)
        if isinstance(first, Ended):
            return first
        live = first
    elif live is not None and not was_seen:
        yield _remember_row(recorded, live)
    if live is not None and is_known and live.status not in rows.STABLE | rows.RELEASING:
        live = yield from _wait_for_status(live.id, rows.STABLE | rows.RELEASING)
    if live is None:
        return Ended(None)
    max_polls: int | None = None
    if live.status != rows.DELETING:
        refusal, max_polls = yield from _release(live.id, live, is_prepaid=_is_prepaid(recorded, live))
        if refusal is not None:
            return refusal
    remaining = yield from _wait_for_status(live.id, frozenset({rows.DELETE_FAILED}), max_polls)
    if remaining is None:
        return Ended(None)
    yield Remember(recorded.phase, observed=remaining.observed)
    if remaining.status == rows.DELETE_FAILED:
        return Ended(
            recorded.phase, "the cloud could not release it: status DELETE_FAILED", "try again, or ask the vendor"
        )
    return Ended(
        recorded.phase,
        "billing says that it is released, or does not know it yet, but it is still there",
        _BY_HAND,
    )


def ends_its_order(recorded: Recorded, live: Live | None, *, subscribed: bool = False) -> bool:
    """Returns whether releasing the server releases all that its order bought.

    Unsubscribing does. A server that could not be built, or has a fault, is deleted by itself (section 2.3).
    """
    is_paid = subscribed or charging.is_prepaid(recorded, live)
    return is_paid and (live is None or not deleted_alone(live))


def deleted_alone(live: Live) -> bool:
    """Returns whether the server was not built or has a fault.

    Then it is deleted, whatever billing says about it (section 2.3).
    """
    return live.status in rows.CREATE_FAILED


def loses_paid_term(recorded: Recorded, live: Live | None, *, subscribed: bool = False) -> bool:
    """Returns whether releasing the server loses what was paid in advance.

    A server that could not be built has no term. A built server with a fault shows the same status (`ERROR`): it has a
    term where it was ever seen to be built, or has a subscription.
    """
    if not (subscribed or charging.is_prepaid(recorded, live)):
        return False
    if live is None or live.status not in rows.CREATE_FAILED:
        return True
    was_built = recorded.phase in _BUILT or recorded.term is not None or recorded.observed.get("status") in rows.BUILT
    return live.status == rows.ERROR and (was_built or subscribed)


def _wait_for_first_row(recorded: Recorded) -> Generator[Step, Answer, Live | Ended]:
    """Waits for the first row of a purchase that no list has shown yet.

    Returns the row, or how the release ends without one. Such a purchase is not known to be gone: a row must appear, or
    its order must be known to have failed. Where no row names its order, billing is asked what the order has bought.
    """
    row = yield _wait_for_row(recorded, max_polls=_POLLS_FOR_A_FIRST_ROW)
    if row is None and recorded.order_id is not None and (ids := (yield from orders.bought_ids(recorded.order_id))):
        row = yield _wait_for_row(recorded, ids=ids, max_polls=1)
    if isinstance(row, Live):
        yield _remember_row(recorded, row)
        return row
    status = OrderStatus.UNKNOWN
    if recorded.order_id is not None:
        status = yield from orders.read_status(recorded.order_id)
        if status is OrderStatus.CANCELLED:
            return Ended(None)
    if status in orders.UNPAID:
        problem = f"order {recorded.order_id} is not paid, so nothing was released and nothing was forgotten"
        return Ended(Phase.AWAITING_PAYMENT, problem, cancel_hint(recorded.address))
    what = f"server {recorded.id}" if recorded.id else f"a server of order {recorded.order_id}"
    unread = f"if its order is not paid, {cancel_hint(recorded.address)}; otherwise "
    return Ended(
        recorded.phase,
        f"the cloud has not shown {what} yet, so nothing was released and nothing was forgotten",
        f"{unread if recorded.order_id and status is OrderStatus.UNKNOWN else ''}look at the console, then run this again in some minutes; {absent_hint(recorded.address)}",
    )


def _remember_row(recorded: Recorded, row: Live) -> Remember:
    """Records the row before the release.

    After a crash nothing else would tell a released server from one that was never shown.
    """
    return Remember(recorded.phase, id=row.id, order_id=row.order_id, observed=row.observed)


def _wait_for_row(recorded: Recorded, *, max_polls: int, ids: tuple[str, ...] = ()) -> Wait:
    return Wait(
        settled=lambda row: row is not None, id=recorded.id, order_id=recorded.order_id, ids=ids, max_polls=max_polls
    )


def _wait_for_status(
    identifier: str, statuses: frozenset[str], max_polls: int | None = None
) -> Generator[Step, Answer, Live | None]:
    """Waits until the server has one of `statuses`, for `max_polls` polls at most. Returns None when it is gone.

    A list may lag or lack another user's servers, so only a request for the id that answers not found counts as gone
    (sections 2.2 and 5.2).
    """
    while True:
        row = yield Wait(
            settled=lambda row: row is None or row.status in statuses,
            id=identifier,
            max_polls=max_polls,
            confirms_absence=True,
        )
        if not isinstance(row, Live):
            row = yield from rows.show(identifier)
        if row is None or row.status in statuses or max_polls is not None:
            return row


def _is_prepaid(recorded: Recorded, live: Live) -> bool:
    """Returns whether the server is prepaid by its row, or by all that is known where the row shows no mode.

    So a server is not deleted merely because the row shows no mode and billing does not know it.
    """
    shows_mode = charging.parse_mode(live.observed.get("charging_mode")) is not None
    return charging.shows_prepaid(live) if shows_mode else charging.is_prepaid(recorded, live)


def _release(
    identifier: str, live: Live, *, is_prepaid: bool
) -> Generator[Step, Answer, tuple[Ended | None, int | None]]:
    """Sends the one call that releases.

    Returns a refusal, and how many polls the disappearance may take (None: any number).
    """
    subscribed = yield from is_subscribed(live)
    is_deleted = not subscribed or deleted_alone(live)
    if subscribed and live.status != "CREATE_FAILED":
        yield EndsTerm(identifier, ends_order=not is_deleted, order_id=live.order_id, created_at=live.created_at)
    if is_deleted:
        if is_prepaid and not deleted_alone(live):
            if not (yield from _is_being_released(identifier)):
                return Ended(Phase.READY, "it is prepaid, but billing does not know it yet", _BY_HAND), None
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
        return None, _POLLS_FOR_AN_EARLIER_RELEASE
    for failure in _objects(reply, "fail_resource_infos"):
        if failure.get("error_code") == _NOT_KNOWN_TO_BILLING:
            return None, _POLLS_FOR_AN_EARLIER_RELEASE
        yield Remember(Phase.READY)
        problem = f"billing refused to unsubscribe it: {failure.get('error_msg')} ({failure.get('error_code')})"
        return Ended(Phase.READY, problem, "see the order in the console"), None
    return None, None


def _is_being_released(identifier: str) -> Generator[Step, Answer, bool]:
    """Returns whether the server is gone or being deleted: releasing one server of an order ends the order for all."""
    row = yield from rows.show(identifier)
    return row is None or row.status == rows.DELETING


def is_subscribed(live: Live) -> ReadFlow[bool]:
    """Reads from billing whether the server has a subscription.

    Where billing refuses the request, a server shown as pay-per-use counts as not subscribed and is deleted: the cloud
    refuses to delete a prepaid one (section 2.3), so nothing can be lost. Raises CallFailed for any other failure.
    """
    body: Fields = {"resource_ids": [request_spelling(live.id)], "only_main_resource": 1}
    try:
        reply = yield Call(Service.BILLING, "POST", SUBSCRIPTIONS, Effect.READ, body=body, joins=_JOINT)
    except CallFailed as failed:
        if failed.outcome is Outcome.REFUSED and live.observed.get("charging_mode") == "POST_PAID":
            return False
        raise
    known = (row.get("resource_id") for row in _objects(reply, "data"))
    return live.id in resource_ids(each for each in known if isinstance(each, str))


def _is_whole(reply: Reply) -> bool:
    total = reply.object().get("total_count")
    return isinstance(total, int) and total == len(_objects(reply, "data"))


_JOINT = Joint("resource_ids", max_ids=50, extra={"limit": 100}, is_complete=_is_whole)
"""Fifty servers share one request. The limit is higher, as each may have more than one subscription."""


def _objects(reply: Answer, key: str) -> list[JsonObject]:
    rows_found = reply.object().get(key) if isinstance(reply, Reply) else None
    return [row for row in rows_found if isinstance(row, dict)] if isinstance(rows_found, Sequence) else []
