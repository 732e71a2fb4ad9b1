"""Buying under a policy: an order placed unpaid and paid by its id, a server bought under a name of its own."""

from __future__ import annotations

import pytest
from support.builders import an_intent
from support.flows import ok, play, refused
from support.planning_builders import PREPAID, bought, wanted
from support.rows import ID, a_live, a_row

from provisioner.kinds import CATALOGUE
from provisioner.model.flow import Call, CallFailed, Effect, Outcome, Remember, Reply
from provisioner.model.purchase_policy import Absence, Marker, Prepaid, PurchasePolicy
from provisioner.model.resource import Phase

KIND = CATALOGUE["dev_server"]
TWO_STEP, NONCE = PurchasePolicy(prepaid=Prepaid.TWO_STEP), PurchasePolicy(marker=Marker.NONCE)
SERVER = wanted(charging_info=PREPAID)
POST = "POST /v1/{project_id}/dev-servers"
ORDER = "GET /v2/orders/customer-orders/details/CS2311"
PAY = "POST /v3/orders/customer-orders/pay"
PLACED = Reply(200, {"order_id": "CS2311"})
BUILT = [a_live("CREATING"), a_live("RUNNING")]


def order(status):
    return ok(order_info={"order_id": "CS2311", "status": status})


def create(recorded=None, *, policy=TWO_STEP, desired=SERVER, replies=()):
    return play(KIND.create(desired, recorded, policy), replies)


def test_an_order_is_placed_unpaid_and_paid_once_it_is_seen_to_wait():
    played = create(replies=[PLACED, order(6), Reply(204, None), *BUILT])
    assert played.calls == [POST, ORDER, PAY]
    place, _, pay = played.of(Call)
    assert place.body["charging_info"]["is_auto_pay"] is False
    assert (pay.effect, pay.body["order_id"]) == (Effect.PAYMENT, "CS2311")
    assert played.result.phase is Phase.READY


def test_an_order_that_the_cloud_has_paid_all_the_same_is_not_paid_again():
    assert create(replies=[PLACED, order(3), *BUILT]).calls == [POST, ORDER]


def test_it_goes_on_with_an_order_that_is_recorded():
    recorded = bought(SERVER, id=None, order_id="CS2311", phase=Phase.AWAITING_PAYMENT)
    assert create(recorded, replies=[order(6), Reply(204, None), *BUILT]).calls == [ORDER, PAY]


def test_a_refusal_of_the_money_is_said_and_leaves_the_order():
    played = create(replies=[PLACED, order(6), refused("CBC.30050006", message="the balance is short"), order(6)])
    assert played.result.phase is Phase.AWAITING_PAYMENT
    assert "the balance is short" in played.result.problem
    assert [facts.phase for facts in played.of(Remember)] == [Phase.AWAITING_PAYMENT]


def test_a_refusal_because_it_was_paid_after_all_is_none():
    played = create(replies=[PLACED, order(6), refused("CBC.0100"), order(3), *BUILT])
    assert played.result.phase is Phase.READY


def test_an_order_that_the_specs_have_moved_on_from_is_not_paid():
    recorded = bought(SERVER, id=None, order_id="CS2311", phase=Phase.AWAITING_PAYMENT)
    moved_on = wanted(charging_info={**PREPAID, "period_num": 2})
    played = create(recorded, desired=moved_on, replies=[None, order(6)])
    assert PAY not in played.calls


def test_a_lost_answer_to_a_payment_is_read_from_the_order():
    lost = CallFailed(Outcome.UNKNOWN, "reset")
    played = create(replies=[PLACED, order(6), lost, *BUILT])
    assert played.calls == [POST, ORDER, PAY]
    assert played.result.phase is Phase.READY


def test_what_a_person_is_to_pay_is_left_to_the_person():
    by_hand = wanted(charging_info={**PREPAID, "is_auto_pay": False})
    played = create(desired=by_hand, replies=[PLACED, None, order(6)])
    assert PAY not in played.calls
    assert played.result.phase is Phase.AWAITING_PAYMENT


def test_a_server_that_runs_gets_its_wanted_name():
    marked = a_live("RUNNING", name="gateway-abcdefghijkl")
    replies = [Reply(200, a_row()), marked, Reply(200, a_row(name="gateway"))]
    played = create(policy=NONCE, desired=wanted(), replies=replies)
    assert played.calls == [POST, f"PUT /v1/{{project_id}}/dev-servers/{ID}"]
    *_, ready, renamed = played.of(Remember)
    assert ready.phase is Phase.READY, "recorded before it is renamed"
    assert renamed.declared == {"name": "gateway"}


@pytest.mark.parametrize(
    ("charging", "sent", "absence"),
    [
        (None, None, Absence.AFTER_QUIET_PERIOD_WITHOUT_ORDER),
        ({"charging_mode": "POST_PAID"}, {}, Absence.AFTER_QUIET_PERIOD),
        (PREPAID, {"is_auto_pay": True}, Absence.BY_A_PERSON),
        (PREPAID, {"is_auto_pay": False}, Absence.AFTER_QUIET_PERIOD_WITHOUT_ORDER),
        ({**PREPAID, "is_auto_pay": False}, {"is_auto_pay": False}, Absence.BY_A_PERSON),
        (PREPAID, None, Absence.BY_A_PERSON),
    ],
    ids=["undeclared", "pay-per-use", "prepaid", "ordered unpaid", "paid by hand", "request unknown"],
)
def test_what_silence_means_depends_on_the_money(charging, sent, absence):
    declared = {"name": "gateway"} | ({"charging_info": charging} if charging else {})
    body = {"name": "gateway"} | ({"charging_info": sent} if sent is not None else {})
    assert KIND.absence(an_intent(declared=declared, request={"body": body})) is absence
