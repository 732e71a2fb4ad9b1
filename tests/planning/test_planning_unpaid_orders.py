"""Orders that nobody has paid: what a plan says of them follows what is recorded, and each way out names the real address."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.builders import a_state
from support.planning_builders import PREPAID, bought, codes, planned, surveyed, wanted

from provisioner.model.action import Action
from provisioner.model.address import Address
from provisioner.model.order_ways import keep_hint
from provisioner.model.plan import Mode
from provisioner.model.purchase_policy import Prepaid, PurchasePolicy
from provisioner.model.resource import Lifecycle, Live, Phase

BY_HAND = PREPAID | {"is_auto_pay": False}
CANCEL = "`provisioner orders cancel 'gateway'` cancels it and costs nothing"


def order(phase=Phase.AWAITING_PAYMENT, *, charging=BY_HAND, **facts):
    known = {"id": None, "order_id": "CS1", "observed": {}, "phase": phase}
    return bought(wanted(charging_info=charging), **(known | facts))


def plan_of(desired, record=None, **rest):
    return planned(surveyed(*desired, state=a_state(record or order())), **rest)


class TestWhatItWaitsFor:
    def test_a_plan_of_an_unpaid_order_names_both_ways(self):
        plan = plan_of([wanted(charging_info=BY_HAND)])
        (finding,) = plan.findings
        assert (plan.changes[0].action, finding.code) == (Action.RESUME, "unpaid-order")
        assert "`provisioner orders pay 'gateway'` pays it" in finding.hint
        assert CANCEL in finding.hint

    @pytest.mark.parametrize("phase", [Phase.ORDERING, Phase.CREATING])
    def test_what_may_be_paid_is_not_called_unpaid(self, phase):
        record = order(phase, id="id-1" if phase is Phase.CREATING else None)
        assert not plan_of([wanted(charging_info=BY_HAND)], record).findings

    def test_an_order_that_apply_pays_itself_waits_for_nobody(self):
        survey = surveyed(
            wanted(charging_info=PREPAID),
            state=a_state(order(charging=PREPAID)),
            policy=PurchasePolicy(prepaid=Prepaid.TWO_STEP),
        )
        assert not planned(survey).findings

    def test_it_is_said_before_a_purchase_once_for_all_and_never_after_it(self):
        before = planned(
            surveyed(*(wanted(f"pool[{number}]", name=f"p{number}", charging_info=BY_HAND) for number in range(8)))
        )
        (told,) = [one for one in before.findings if one.code == "unpaid-order"]
        assert told.summary.startswith(
            "pool[0], pool[1], pool[2], pool[3], pool[4], pool[5] and 2 more: the order will wait"
        )
        there = order(Phase.READY, id="id-1", observed={"status": "RUNNING", "charging_mode": "PRE_PAID"})
        assert not plan_of([wanted(charging_info=BY_HAND)], there).work
        assert "unpaid-order" not in codes(plan_of([wanted(charging_info=BY_HAND)], there).findings)


class TestSpecsThatHaveMovedOn:
    @pytest.mark.parametrize(
        ("differing", "said"),
        [
            ({"flavor": "Si2.xlarge.4"}, "flavor is 'Si2.large.4', and the specs say 'Si2.xlarge.4'"),
            ({"charging_info": BY_HAND | {"period_num": 3}}, "charging_info.period_num is 1, and the specs say 3"),
            (
                {"charging_info": None},
                "charging_info.charging_mode is 'PRE_PAID', and leaving it out means 'POST_PAID'",
            ),
        ],
    )
    def test_while_it_is_unpaid_the_way_out_costs_nothing(self, differing, said):
        plan = plan_of([wanted(**({"charging_info": BY_HAND} | differing))])
        assert codes(plan.findings) == ["ordered-otherwise"]
        (finding,) = plan.findings
        assert said in finding.detail
        assert "it is not paid" in finding.summary
        assert finding.hint.startswith(f"{CANCEL}, and the next apply orders what the specs say")

    def test_what_is_recorded_as_paid_is_not_to_be_cancelled(self):
        desired = wanted(flavor="other", charging_info=BY_HAND)
        (paid,) = plan_of([desired], order(Phase.ORDERING, paid=True)).findings
        assert ("orders cancel" in paid.hint, "`provisioner apply --target 'gateway'`" in paid.hint) == (False, True)
        (unknown,) = plan_of([desired], order(Phase.ORDERING)).findings
        assert f"if it is unpaid, {CANCEL}" in unknown.hint

    @pytest.mark.parametrize("differing", [{"name": "portal"}, {"charging_info": PREPAID}, {"labels": {"a": "b"}}])
    def test_what_takes_no_other_machine_is_not_told(self, differing):
        labels = differing.pop("labels", {})
        desired = replace(wanted(**({"charging_info": BY_HAND} | differing)), labels=labels)
        assert "ordered-otherwise" not in codes(plan_of([desired]).findings)

    def test_what_is_ignored_is_not_told(self):
        desired = replace(
            wanted(flavor="other", charging_info=BY_HAND), lifecycle=Lifecycle(ignore_changes=(("flavor",),))
        )
        assert codes(plan_of([desired]).findings) == ["unpaid-order"]


class TestReleases:
    @pytest.mark.parametrize("mode", [Mode.DESTROY, Mode.APPLY])
    def test_an_unpaid_order_has_nothing_to_release_and_the_first_refusal_says_so(self, mode):
        desired = [wanted(charging_info=BY_HAND)] if mode is Mode.DESTROY else []
        (refusal,) = plan_of(desired, mode=mode).refusals
        assert refusal.code == "prepaid-delete"
        assert CANCEL in refusal.detail
        assert ("--allow" in refusal.hint, "lost" in refusal.detail) == (False, False)

    def test_an_order_of_which_a_server_is_listed_is_paid(self):
        row = Live("dev_server", "id-1", "gateway", "RUNNING", "CS1")
        (refusal,) = planned(surveyed(state=a_state(order()), live=(row,))).refusals
        assert "you would lose" in refusal.detail

    def test_who_has_allowed_it_all_the_same_still_reads_the_way_out(self):
        survey = surveyed(
            wanted(charging_info=BY_HAND), state=a_state(order()), replace=frozenset({Address("gateway")})
        )
        (lifted,) = planned(survey).lifted
        assert (lifted.code, CANCEL in lifted.detail) == ("prepaid-replace", True)


class TestKeepingWhatWasSold:
    def test_of_one_server_the_whole_declaration_is_named(self):
        told = keep_hint((Address("gateway"),), "PRE_PAID")
        assert "`charging_info: {charging_mode: PRE_PAID, period_type: ..., period_num: ...}`" in told
        assert "`provisioner orders show 'gateway'`" in told
        assert "group" not in told

    @pytest.mark.parametrize(("key", "condition"), [(0, "count.index == 0"), ("a", "each.key == 'a'")])
    @pytest.mark.parametrize(("mode", "other"), [("PRE_PAID", "POST_PAID"), ("POST_PAID", "PRE_PAID")])
    def test_of_a_member_the_group_is_named_and_a_way_for_it_alone(self, key, condition, mode, other):
        told = keep_hint((Address("pool", key),), mode)
        assert "the whole group pool" in told
        assert f"\"{{{{ '{mode}' if {condition} else '{other}' }}}}\"" in told
