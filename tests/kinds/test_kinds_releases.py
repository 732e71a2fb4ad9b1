"""Releasing a DevServer: which of the two ways, when not to try, and when gone is believed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.flows import NOT_FOUND, ok, play, refused
from support.planning_builders import PREPAID, bought, wanted
from support.rows import ID, a_live, a_row

from provisioner.kinds import CATALOGUE
from provisioner.model.flow import Call, CallFailed, Effect, Ended, Outcome, Remember, Reply, Service, Wait
from provisioner.model.resource import Phase

KIND = CATALOGUE["dev_server"]
RECORDED = bought(wanted(), id=ID)
PREPAID_RECORD = bought(wanted(charging_info=PREPAID), id=ID, order_id="CS2311")
QUERY = "POST /v2/orders/suscriptions/resources/query"
UNSUBSCRIBE = "POST /v2/orders/subscriptions/resources/unsubscribe"
SHOW = f"GET /v1/{{project_id}}/dev-servers/{ID}"
DELETE = f"DELETE /v1/{{project_id}}/dev-servers/{ID}"
SUBSCRIBED = ok(data=[{"resource_id": ID, "status": 2}], total_count=1)
UNSUBSCRIBED = ok(order_ids=["CS9"], fail_resource_infos=[])
NOTHING_SUBSCRIBED = ok(data=[], total_count=0)
GONE = refused(NOT_FOUND)
"""A show of the id, which alone says that a server is gone: a list may lag, or be another user's."""
UNKNOWN_TO_BILLING = "CBC.30000067"


def prepaid(status="RUNNING"):
    return a_live(status, charging_mode="PRE_PAID")


def release(recorded=RECORDED, live=None, replies=()):
    return play(KIND.delete(recorded, live), replies)


def failed_for(code):
    return ok(fail_resource_infos=[{"resource_id": ID, "error_code": code, "error_msg": "the term has ended"}])


def test_a_pay_per_use_server_is_deleted_and_watched_until_the_list_lacks_it():
    played = release(live=a_live(), replies=[NOTHING_SUBSCRIBED, Reply(200, a_live("DELETING").observed), None, GONE])
    assert played.calls == [QUERY, DELETE, SHOW]
    assert played.result == Ended(None)
    (wait,) = played.of(Wait)
    assert (wait.id, wait.max_polls) == (ID, None)


def test_the_call_that_releases_is_destructive_and_the_question_before_it_is_not():
    query, delete, _show = release(live=a_live(), replies=[NOTHING_SUBSCRIBED, ok(), None, GONE]).of(Call)
    assert (query.effect, query.service) == (Effect.READ, Service.BILLING)
    assert query.body == {"resource_ids": [ID], "only_main_resource": 1}
    assert (delete.effect, delete.body) == (Effect.DESTRUCTIVE, None)


def test_a_prepaid_server_is_unsubscribed_by_its_own_id():
    played = release(PREPAID_RECORD, prepaid(), [SUBSCRIBED, UNSUBSCRIBED, None, GONE])
    assert played.calls == [QUERY, UNSUBSCRIBE, SHOW]
    unsubscribe = played.of(Call)[1]
    assert unsubscribe.effect is Effect.DESTRUCTIVE
    assert unsubscribe.body == {"resource_ids": [ID], "unsubscribe_type": 1}
    assert played.result == Ended(None)


def test_billing_decides_the_way_not_the_charging_mode():
    assert release(live=a_live(), replies=[SUBSCRIBED, UNSUBSCRIBED, None, GONE]).calls == [QUERY, UNSUBSCRIBE, SHOW]


@pytest.mark.parametrize(
    "answer", [ok(data=[{"resource_id": "another"}]), ok(data="none"), ok(data=["x"]), ok(), Reply(200, None)]
)
def test_only_a_subscription_of_this_very_id_counts(answer):
    assert release(live=a_live(), replies=[answer, ok(), None, GONE]).calls == [QUERY, DELETE, SHOW]


@pytest.mark.parametrize("status", ["CREATE_FAILED", "ERROR"])
@pytest.mark.parametrize("subscription", [SUBSCRIBED, NOTHING_SUBSCRIBED])
def test_a_prepaid_server_that_was_never_built_is_deleted(status, subscription):
    played = release(PREPAID_RECORD, prepaid(status), [subscription, ok(), None, GONE])
    assert played.calls == [QUERY, DELETE, SHOW]
    assert played.result == Ended(None)


def test_prepaid_but_unknown_to_billing_is_left_alone_for_now():
    played = release(PREPAID_RECORD, prepaid(), [NOTHING_SUBSCRIBED, Reply(200, a_row(status="RUNNING"))])
    assert played.calls == [QUERY, SHOW]
    assert played.result.phase is Phase.READY
    assert "billing does not know it yet" in played.result.problem


@pytest.mark.parametrize("shown", [Reply(200, a_row(status="DELETING")), GONE])
def test_what_went_with_its_order_is_watched_until_it_is_gone(shown):
    """Another server of the order was unsubscribed a moment ago."""
    played = release(PREPAID_RECORD, prepaid(), [NOTHING_SUBSCRIBED, shown, None, GONE])
    assert played.calls == [QUERY, SHOW, SHOW]
    assert played.result == Ended(None)


@pytest.mark.parametrize("status", ["SOMETHING_NEW", ""])
def test_what_the_plan_has_shown_in_a_status_that_nobody_knows_is_released_as_it_is(status):
    """Whoever let the plan through has said so; waiting for another status would take until the time-out."""
    played = release(live=a_live(status), replies=[NOTHING_SUBSCRIBED, ok(), None, GONE])
    assert played.calls == [QUERY, DELETE, SHOW]
    assert played.result == Ended(None)


def test_what_nobody_has_seen_before_is_not_released_in_a_status_that_nobody_knows():
    unseen = bought(wanted(), id=ID, observed={})
    played = release(unseen, None, [a_live("SOMETHING_NEW"), a_live("RUNNING"), NOTHING_SUBSCRIBED, ok(), None, GONE])
    assert not played.of(Wait)[1].settled(a_live("SOMETHING_NEW"))
    assert played.calls == [QUERY, DELETE, SHOW]


@pytest.mark.parametrize("status", ["CREATING", "STOPPING"])
def test_a_server_on_the_move_is_released_once_it_stands_still(status):
    played = release(live=a_live(status), replies=[a_live("RUNNING"), NOTHING_SUBSCRIBED, ok(), None, GONE])
    until_stable = played.steps[0]
    assert isinstance(until_stable, Wait)
    assert not until_stable.settled(a_live(status))
    assert played.calls == [QUERY, DELETE, SHOW]
    assert played.result == Ended(None)


def test_a_server_that_disappears_while_it_is_waited_for_needs_no_call():
    played = release(live=a_live("CREATING"), replies=[None, GONE])
    assert (played.calls, played.result) == ([SHOW], Ended(None))


def test_a_server_that_is_not_there_any_more_needs_nothing():
    played = release(live=None)
    assert (played.steps, played.result) == ((), Ended(None))


def test_a_release_under_way_is_only_watched():
    played = release(live=a_live("DELETING"), replies=[None, GONE])
    assert played.calls == [SHOW]
    assert played.result == Ended(None)


@pytest.mark.parametrize(
    "answer", [refused(NOT_FOUND), refused("ModelArts.6309"), refused(status=404), refused("ModelArts.404", status=404)]
)
def test_not_found_means_released_and_the_list_confirms_it(answer):
    played = release(live=a_live(), replies=[NOTHING_SUBSCRIBED, answer, None, GONE])
    assert played.of(Wait)
    assert played.result == Ended(None)


@pytest.mark.parametrize("answer", [refused("ModelArts.7000"), refused("APIG.0101", status=404), refused(status=403)])
def test_any_other_refusal_is_the_drivers_to_judge(answer):
    with pytest.raises(CallFailed):
        release(live=a_live(), replies=[NOTHING_SUBSCRIBED, answer])


def test_nothing_is_released_while_billing_cannot_say_which_way():
    with pytest.raises(CallFailed):
        release(live=a_live(), replies=[CallFailed(Outcome.UNKNOWN, "time-out")])


@pytest.mark.parametrize("answer", [refused(UNKNOWN_TO_BILLING), failed_for(UNKNOWN_TO_BILLING)])
def test_released_earlier_is_believed_only_when_the_server_disappears(answer):
    gone = release(PREPAID_RECORD, prepaid(), [SUBSCRIBED, answer, None, GONE])
    assert gone.result == Ended(None)
    still_there = release(PREPAID_RECORD, prepaid(), [SUBSCRIBED, answer, prepaid()])
    assert "still there" in still_there.result.problem
    assert still_there.of(Remember)[-1].phase is still_there.result.phase is Phase.READY
    assert still_there.of(Wait)[0].max_polls == 5


def test_a_refusal_by_billing_is_told_with_its_reason_and_the_server_is_recorded_as_kept():
    played = release(PREPAID_RECORD, prepaid(), [SUBSCRIBED, failed_for("CBC.99003651")])
    assert played.of(Remember) == [Remember(Phase.READY)]
    assert played.result.problem == "billing refused to unsubscribe it: the term has ended (CBC.99003651)"


def test_any_other_error_of_billing_is_the_drivers_to_judge():
    with pytest.raises(CallFailed):
        release(PREPAID_RECORD, prepaid(), [SUBSCRIBED, refused("CBC.99003656")])


@pytest.mark.parametrize("status", ["RUNNING", "CREATE_FAILED", "ERROR", "DELETING"])
def test_an_old_status_just_after_the_call_is_no_news(status):
    (wait,) = release(live=a_live("ERROR"), replies=[NOTHING_SUBSCRIBED, ok(), None, GONE]).of(Wait)
    assert not wait.settled(a_live(status))


def test_a_release_that_failed_keeps_the_server_and_says_so():
    played = release(live=a_live(), replies=[NOTHING_SUBSCRIBED, ok(), a_live("DELETE_FAILED")])
    (facts,) = played.of(Remember)
    assert (facts.phase, facts.observed["status"]) == (Phase.READY, "DELETE_FAILED")
    assert played.result.phase is Phase.READY
    assert "DELETE_FAILED" in played.result.problem


ORDER_ONLY = bought(wanted(charging_info=PREPAID), phase=Phase.AWAITING_PAYMENT, id=None, order_id="CS2311")


def test_a_cancelled_order_is_forgotten():
    played = release(ORDER_ONLY, replies=[None, NOTHING_SUBSCRIBED, ok(order_info={"status": 4})])
    assert played.calls == [QUERY, "GET /v2/orders/customer-orders/details/CS2311"]
    assert played.result == Ended(None)


@pytest.mark.parametrize("answer", [ok(order_info={"status": 6}), ok(order_info={"status": 5}), refused(status=403)])
def test_any_other_order_without_a_server_belongs_to_a_person(answer):
    played = release(ORDER_ONLY, replies=[None, NOTHING_SUBSCRIBED, answer])
    assert played.result.phase is Phase.AWAITING_PAYMENT
    assert "CS2311" in played.result.problem


def test_an_order_that_nobody_has_paid_is_given_up_by_its_address():
    unpaid = release(ORDER_ONLY, replies=[None, NOTHING_SUBSCRIBED, ok(order_info={"status": 6})]).result
    assert unpaid.hint == "`provisioner orders cancel 'gateway'` cancels it and costs nothing"
    paid = release(ORDER_ONLY, replies=[None, NOTHING_SUBSCRIBED, ok(order_info={"status": 5})]).result
    assert "orders cancel" not in paid.hint
    unread = release(ORDER_ONLY, replies=[None, NOTHING_SUBSCRIBED, refused(status=403)]).result
    assert unread.hint.startswith("if its order is not paid, `provisioner orders cancel 'gateway'`")


def test_a_server_whose_row_does_not_name_its_order_is_found_by_what_billing_says_and_released():
    played = release(
        ORDER_ONLY,
        replies=[None, SUBSCRIBED, prepaid(), SUBSCRIBED, UNSUBSCRIBED, None, GONE],
    )
    assert played.calls == [QUERY, QUERY, UNSUBSCRIBE, SHOW]
    assert [wait.ids for wait in played.of(Wait)][:2] == [(), (ID,)]
    assert played.of(Remember)[0].id == ID
    assert played.result == Ended(None)


def test_billing_that_names_a_server_which_nothing_shows_releases_and_forgets_nothing():
    played = release(ORDER_ONLY, replies=[None, SUBSCRIBED, None, ok(order_info={"status": 5})])
    assert UNSUBSCRIBE not in played.calls
    assert played.result.phase is Phase.AWAITING_PAYMENT


def test_a_server_that_only_the_list_lacks_is_not_gone():
    """A list may lag, and the caller's own never shows a colleague's: nothing is forgotten on its word."""
    played = release(
        live=a_live(), replies=[NOTHING_SUBSCRIBED, ok(), None, ok(**a_row(status="DELETING")), None, GONE]
    )
    assert played.calls == [QUERY, DELETE, SHOW, SHOW]
    assert played.result == Ended(None)


def test_a_moving_server_that_one_list_lacks_is_still_released():
    played = release(
        live=a_live("CREATING"),
        replies=[None, ok(**a_row(status="RUNNING")), NOTHING_SUBSCRIBED, ok(), None, GONE],
    )
    assert played.calls == [SHOW, QUERY, DELETE, SHOW]
    assert played.result == Ended(None)


def test_an_order_whose_server_has_appeared_is_released_by_that_servers_id():
    played = release(ORDER_ONLY, replies=[a_live(), NOTHING_SUBSCRIBED, ok(), None, GONE])
    assert played.of(Remember)[0].id == ID
    assert played.calls == [QUERY, DELETE, SHOW]
    assert played.result == Ended(None)


def test_a_purchase_that_no_list_has_shown_is_neither_released_nor_forgotten():
    unseen = bought(wanted(), phase=Phase.CREATING, id=ID, observed={})
    played = release(unseen, replies=[None])
    assert played.calls == []
    assert played.result.phase is Phase.CREATING
    assert "has not shown" in played.result.problem


def test_what_the_plan_is_the_first_to_see_is_recorded_as_seen_before_it_is_released():
    unseen = bought(wanted(), phase=Phase.CREATING, id=ID, observed={})
    played = release(unseen, a_live(), [NOTHING_SUBSCRIBED, ok(), None, GONE])
    first, *_ = played.steps
    assert isinstance(first, Remember)
    assert (first.id, first.observed["status"]) == (ID, "RUNNING")


def test_one_whose_release_has_begun_and_that_nothing_shows_is_gone_though_nobody_noted_having_seen_it():
    begun = bought(wanted(), phase=Phase.DELETING, id=ID, observed={})
    assert release(begun, None).result == Ended(None)


@pytest.mark.parametrize("shown", ["COMMON", None])
def test_what_was_sold_prepaid_is_not_deleted_because_row_and_billing_are_silent(shown):
    sold = bought(wanted(charging_info=PREPAID), id=ID, order_id="CS1")
    row = a_live()
    silent = replace(row, order_id=None, observed={**row.observed, "charging_mode": shown})
    played = release(sold, silent, [NOTHING_SUBSCRIBED, Reply(200, a_row(status="RUNNING"))])
    assert played.calls == [QUERY, SHOW]
    assert "billing does not know it yet" in played.result.problem
