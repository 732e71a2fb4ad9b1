"""What happens at the end of a paid term is switched in place, through billing; repeating it is harmless."""

from __future__ import annotations

import pytest
from support.flows import ok, play, refused
from support.planning_builders import PREPAID, bought, wanted
from support.rows import ID, a_row

from provisioner.kinds import CATALOGUE
from provisioner.model.flow import Call, CallFailed, Effect, Ended, Remember, Reply, Service
from provisioner.model.resource import Phase

KIND = CATALOGUE["dev_server"]
SWITCH = f"/v2/orders/subscriptions/resources/autorenew/{ID}"
DONE = Reply(204, None)
RENEWAL = frozenset({KIND.billing.renewal})


def prepaid(**flags):
    return wanted(charging_info={key: value for key, value in {**PREPAID, **flags}.items() if value is not None})


def update(before, after, *replies, changed=RENEWAL):
    recorded = bought(before, phase=Phase.READY, id=ID)
    return play(KIND.update(after, recorded, changed), replies)


@pytest.mark.parametrize(
    ("flag", "call"), [(True, f"POST {SWITCH}"), (False, f"DELETE {SWITCH}"), (None, f"DELETE {SWITCH}")]
)
def test_it_is_switched_as_the_specs_have_it_and_what_they_leave_out_is_off(flag, call):
    played = update(prepaid(is_auto_renew=not flag), prepaid(is_auto_renew=flag), DONE)
    assert played.calls == [call]
    assert played.result == Ended(Phase.READY)
    (facts,) = played.of(Remember)
    assert facts.declared["charging_info"].get("is_auto_renew") is flag
    assert facts.declared["charging_info"].keys() >= {"charging_mode", "period_type", "period_num"}


def test_it_goes_through_billing_and_may_be_repeated():
    (call,) = update(prepaid(), prepaid(is_auto_renew=True), DONE).of(Call)
    assert (call.service, call.effect, call.body) == (Service.BILLING, Effect.REPEATABLE, None)


def test_what_is_off_already_is_off():
    played = update(prepaid(is_auto_renew=True), prepaid(is_auto_renew=False), refused("CBC.99003605"))
    assert played.result == Ended(Phase.READY)
    assert played.of(Remember)


@pytest.mark.parametrize(("flag", "code"), [(True, "CBC.99003605"), (True, "CBC.99003602"), (False, "CBC.99003602")])
def test_any_other_refusal_is_the_drivers_to_judge_and_nothing_is_remembered(flag, code):
    with pytest.raises(CallFailed):
        update(prepaid(is_auto_renew=not flag), prepaid(is_auto_renew=flag), refused(code))


def test_only_the_renewal_is_remembered_where_other_differences_are_ignored():
    played = update(prepaid(), prepaid(is_auto_renew=True, period_num=9), DONE)
    assert played.of(Remember)[0].declared["charging_info"]["period_num"] == PREPAID["period_num"]


def test_pay_per_use_has_no_term_to_renew():
    hourly = {"charging_mode": "POST_PAID", "period_type": "MONTH", "period_num": 1}
    played = update(wanted(charging_info=hourly), wanted(charging_info={**hourly, "is_auto_renew": True}))
    assert played.calls == []
    assert played.of(Remember)[0].declared["charging_info"]["is_auto_renew"] is True


def test_a_new_name_and_a_new_renewal_are_two_calls():
    after = prepaid(is_auto_renew=True)
    changed = RENEWAL | {("name",)}
    played = update(prepaid(), after, ok(**a_row()), DONE, changed=changed)
    assert [call.split()[0] for call in played.calls] == ["PUT", "POST"]
