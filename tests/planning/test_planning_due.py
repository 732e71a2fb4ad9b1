"""What a plan says is due now: every prepaid order that the run places or pays, and each paid term that it gives up."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.builders import a_state, an_intent
from support.planning_builders import PREPAID, bought, planned, refreshed, shown, surveyed, wanted

from provisioner.model.due import DueReason, Payment
from provisioner.model.guards import Allowance
from provisioner.model.plan import Mode
from provisioner.model.purchase_policy import ChargingDefault, Prepaid, PurchasePolicy
from provisioner.model.resource import Phase

YEAR = {**PREPAID, "period_type": "YEAR", "is_auto_renew": True}
BY_HAND = {**PREPAID, "is_auto_pay": False}


def due(survey, **rest):
    return [
        (one.reason, one.count, one.terms.item, one.terms.period, one.terms.payment, one.terms.renews)
        for one in planned(survey, **rest).due_now
    ]


def test_purchases_are_summed_by_flavor_term_and_way_of_paying():
    fleet = [wanted(f"trainer[{rank}]", name=f"trainer-{rank}", charging_info=YEAR) for rank in range(40)]
    others = [
        wanted("a", charging_info=PREPAID),
        wanted("b", charging_info=BY_HAND),
        wanted("c", charging_info=PREPAID, flavor="Si2.large.8"),
        wanted("d"),
    ]
    assert due(surveyed(*others, *fleet)) == [
        (DueReason.PURCHASE, 1, "Si2.large.4", ("MONTH", 1), Payment.AT_ONCE, False),
        (DueReason.PURCHASE, 1, "Si2.large.4", ("MONTH", 1), Payment.AWAITED, False),
        (DueReason.PURCHASE, 1, "Si2.large.8", ("MONTH", 1), Payment.AT_ONCE, False),
        (DueReason.PURCHASE, 40, "Si2.large.4", ("YEAR", 1), Payment.AT_ONCE, True),
    ]


@pytest.mark.parametrize(
    ("charging", "policy", "payment"),
    [
        (PREPAID, PurchasePolicy(prepaid=Prepaid.TWO_STEP), Payment.CHECKED),
        (BY_HAND, PurchasePolicy(prepaid=Prepaid.TWO_STEP), Payment.AWAITED),
        (None, PurchasePolicy(charging_default=ChargingDefault.CLOUD), Payment.UNKNOWN),
    ],
)
def test_how_it_is_paid_follows_the_policy_of_the_stack(charging, policy, payment):
    (one,) = planned(surveyed(wanted(charging_info=charging), policy=policy)).due_now
    assert one.terms.payment is payment


def test_pay_per_use_and_what_is_there_already_are_not_due():
    assert due(surveyed(wanted())) == []
    there = wanted(charging_info=PREPAID)
    record = bought(there, order_id="CS1")
    assert due(surveyed(there, state=a_state(record), live=(shown(record),))) == []


def test_a_replacement_orders_anew_and_gives_up_the_term_that_is_paid():
    desired = wanted(charging_info=PREPAID, flavor="Si2.large.8")
    record = bought(wanted(charging_info=PREPAID), order_id="CS1")
    survey = surveyed(desired, state=a_state(record), live=(shown(record),), replace=frozenset({desired.address}))
    assert due(survey) == [(DueReason.REPLACEMENT, 1, "Si2.large.8", ("MONTH", 1), Payment.AT_ONCE, False)]
    assert planned(survey).terms_given_up == (desired.address,)


def test_an_order_that_this_run_pays_is_due_and_one_that_awaits_a_person_is_not():
    two_steps = PurchasePolicy(prepaid=Prepaid.TWO_STEP)
    placed = bought(wanted(charging_info=PREPAID), id=None, order_id="CS1", observed={}, phase=Phase.AWAITING_PAYMENT)
    survey = surveyed(wanted(charging_info=PREPAID), state=a_state(placed), policy=two_steps)
    assert [(reason, count) for reason, count, *_ in due(survey)] == [(DueReason.ORDER_PLACED, 1)]
    assert due(replace(survey, policy=PurchasePolicy())) == []
    assert due(replace(survey, state=a_state(replace(placed, paid=True)))) == []


@pytest.mark.parametrize(
    ("charging", "sent", "later"),
    [
        pytest.param(PREPAID, PREPAID, [], id="one step: never again without a person's word"),
        pytest.param(PREPAID, BY_HAND, [(DueReason.IN_DOUBT, 1)], id="two steps"),
    ],
)
def test_a_purchase_in_doubt_is_not_due_now(charging, sent, later):
    declared, request = {"charging_info": charging}, {"body": {"charging_info": sent}}
    doubt = an_intent("gateway", declared=declared, request=request, name="gateway")
    plan = planned(surveyed(wanted(charging_info=PREPAID), state=a_state(intents={doubt.id: doubt})))
    assert plan.due_now == ()
    assert [(one.reason, one.count) for one in plan.due_later] == later


def test_a_destroy_and_a_refresh_order_nothing():
    record = bought(wanted(charging_info=PREPAID), order_id="CS1")
    survey = surveyed(wanted(charging_info=PREPAID), state=a_state(record), live=(shown(record),))
    survey = replace(survey, allowed=frozenset({Allowance.PREPAID_DELETE}))
    destroyed = planned(survey, mode=Mode.DESTROY)
    assert (destroyed.due_now, destroyed.terms_given_up) == ((), (record.address,))
    assert (refreshed(survey).due_now, refreshed(survey).terms_given_up) == ((), ())


def test_pay_per_use_and_a_release_that_has_begun_give_up_no_term():
    hourly = bought(wanted(), observed={"status": "RUNNING", "charging_mode": "POST_PAID"})
    begun = bought(wanted("b", charging_info=PREPAID), order_id="CS2", phase=Phase.DELETING)
    plan = planned(surveyed(state=a_state(hourly, begun), live=(shown(hourly), shown(begun))))
    assert plan.terms_given_up == ()
