"""What is told and refused around a release: what it costs, what would go along, and whether another can be had."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.builders import a_state, an_address
from support.planning_builders import IMAGE, KIND, PREPAID, bought, codes, planned, settled, shown, surveyed, wanted

from provisioner.kinds import CATALOGUE
from provisioner.model.guards import ALL
from provisioner.model.plan import Mode
from provisioner.model.purchase_policy import ChargingDefault, PurchasePolicy
from provisioner.model.release_facts import Availability, Offer, Offering, Questions, ReleaseFacts
from provisioner.model.resource import Phase
from provisioner.planning import collect_questions

UNTIL = 1_798_106_400_000
GATEWAY = frozenset({an_address("gateway")})


def changed(before, **rest):
    """It is there as `before`, and the specs want another flavor."""
    return replace(settled(before), desired=(replace(before, fields={**before.fields, "flavor": "other"}),), **rest)


def ware(flavor="other", charging_mode="POST_PAID", **rest):
    return Offering(flavor, image=IMAGE, charging_mode=charging_mode, **rest)


class TestQuestions:
    def test_nobody_is_asked_where_nothing_is_released(self):
        assert collect_questions(planned(settled(wanted(charging_info=PREPAID))), CATALOGUE).is_empty
        assert collect_questions(planned(surveyed(wanted())), CATALOGUE) == Questions(
            purchases=(ware(flavor="Si2.large.4"),)
        )

    def test_billing_is_asked_about_what_was_paid_in_advance_and_the_market_about_what_is_bought_instead(self):
        survey = changed(wanted(charging_info=PREPAID, availability_zone="a"))
        wares = (ware(charging_mode="PRE_PAID", zone="a"),)
        assert collect_questions(planned(survey), CATALOGUE) == Questions(("id-of-gateway",), wares)
        assert collect_questions(planned(survey, mode=Mode.DESTROY), CATALOGUE) == Questions(("id-of-gateway",), ())
        assert collect_questions(planned(changed(wanted())), CATALOGUE) == Questions(("id-of-gateway",), (ware(),))

    def test_many_that_want_the_same_are_one_question(self):
        before = [wanted(f"pool[{number}]", name=f"pool-{number}") for number in range(3)]
        survey = replace(
            settled(*before), desired=tuple(wanted(f"pool[{n}]", name=f"pool-{n}", flavor="o") for n in range(3))
        )
        assert collect_questions(planned(survey), CATALOGUE).offerings == (ware("o"),)

    def test_a_resource_flavor_is_looked_for_in_its_own_list(self):
        body = {"resource_flavor": "r", "charging_info": None}
        assert KIND.stock.offering(body, PurchasePolicy()) == Offering("r", is_resource=True, charging_mode="POST_PAID")

    def test_a_mode_that_is_not_declared_is_asked_for_as_it_is_sent(self):
        """Pay-per-use, unless the stack leaves it to the cloud."""
        assert KIND.stock.offering({"flavor": "f"}, PurchasePolicy()).charging_mode == "POST_PAID"
        assert (
            KIND.stock.offering({"flavor": "f"}, PurchasePolicy(charging_default=ChargingDefault.CLOUD)).charging_mode
            is None
        )
        assert (
            KIND.stock.offering({"flavor": "f", "charging_info": PREPAID}, PurchasePolicy()).charging_mode == "PRE_PAID"
        )


class TestTerm:
    def test_a_refusal_says_what_is_lost_and_what_else_can_be_done(self):
        survey = changed(wanted(charging_info=PREPAID), release_facts=ReleaseFacts({"id-of-gateway": UNTIL}))
        (refusal,) = planned(survey).refusals
        assert "changing flavor would release it" in refusal.summary
        assert "its term until 2026-12-24 10:00:00 UTC" in refusal.detail
        assert "the refund is not known" in refusal.detail
        assert "undo the change" in refusal.hint
        assert "ignore_changes: [flavor]" in refusal.hint
        assert "--replace 'gateway'" in refusal.hint

    def test_an_end_that_billing_does_not_tell_is_unknown(self):
        (refusal,) = planned(changed(wanted(charging_info=PREPAID))).refusals
        assert "billing did not say when it ends" in refusal.detail

    def test_who_names_the_address_is_told_all_the_same(self):
        survey = changed(
            wanted(charging_info=PREPAID), replace=GATEWAY, release_facts=ReleaseFacts({"id-of-gateway": UNTIL})
        )
        plan = planned(survey)
        (lifted,) = plan.lifted
        assert (plan.refusals, lifted.code) == ((), "prepaid-replace")
        assert "2026-12-24" in lifted.detail
        assert lifted.hint == "allowed for this run: --replace 'gateway'"

    @pytest.mark.parametrize("allowed", [frozenset(), ALL])
    def test_a_release_says_it_too(self, allowed):
        survey = replace(settled(wanted(charging_info=PREPAID)), release_facts=ReleaseFacts({"id-of-gateway": UNTIL}))
        plan = planned(replace(survey, allowed=allowed), mode=Mode.DESTROY)
        (told,) = plan.lifted or plan.refusals
        assert "you would lose its term until 2026-12-24" in told.detail

    def test_what_could_not_be_built_has_no_term(self):
        record = bought(wanted(charging_info=PREPAID), phase=Phase.FAILED)
        survey = surveyed(state=a_state(record), live=(shown(record, "CREATE_FAILED"),))
        assert planned(survey).refusals == ()


class TestStock:
    SOLD_OUT = ReleaseFacts(offers={ware(): Offer(Availability.SOLD_OUT, "flavor other is sold out")})

    def test_nothing_is_released_for_what_cannot_be_bought(self):
        (refusal,) = planned(changed(wanted(), release_facts=self.SOLD_OUT)).refusals
        assert refusal.code == "sold-out"
        assert "other is sold out" in refusal.summary

    def test_naming_the_address_does_not_help(self):
        assert codes(planned(changed(wanted(), replace=GATEWAY, release_facts=self.SOLD_OUT)).refusals) == ["sold-out"]

    def test_a_release_that_has_begun_is_gone_on_with(self):
        record = bought(wanted(flavor="other"), phase=Phase.DELETING)
        survey = surveyed(wanted(flavor="other"), state=a_state(record), live=(shown(record, "DELETING"),))
        assert planned(replace(survey, release_facts=self.SOLD_OUT)).refusals == ()

    def test_a_purchase_alone_is_the_clouds_to_refuse(self):
        assert planned(surveyed(wanted(flavor="other"), release_facts=self.SOLD_OUT)).refusals == ()


def test_a_server_of_the_order_that_nobody_records_keeps_it_alive():
    record = bought(wanted(charging_info=PREPAID), order_id="CS1")
    stranger = shown(replace(record, id="stranger"), name="theirs")
    survey = surveyed(state=a_state(record), live=(shown(record), stranger), allowed=ALL)
    (refusal,) = planned(survey, mode=Mode.DESTROY).refusals
    assert refusal.code == "order-shared"
    assert "together with server stranger, which is in no state" in refusal.summary
    going = replace(survey, live={**survey.live, "stranger": replace(stranger, status="DELETING")})
    assert planned(going, mode=Mode.DESTROY).refusals == ()
