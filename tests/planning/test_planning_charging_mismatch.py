"""What the cloud has sold otherwise than it was asked for: told in every plan and drift, and no more of it is bought."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.builders import a_state, an_address
from support.planning_builders import KIND, PREPAID, bought, codes, planned, refreshed, shown, surveyed, wanted

from provisioner.cli.exit_codes import ExitCode, of_plan
from provisioner.kinds.dev_server import rows
from provisioner.model.action import Action
from provisioner.model.purchase_policy import ChargingDefault, PurchasePolicy
from provisioner.model.resource import Lifecycle, Phase

POSTPAID = {"charging_mode": "POST_PAID", "period_type": "MONTH", "period_num": 1}
MONTHS = {"charging_mode": "PRE_PAID", "period_type": "MONTH", "period_num": 3}
CLOUD = PurchasePolicy(charging_default=ChargingDefault.CLOUD)


def row_of(record, mode, *, order=None):
    """As the cloud answers it."""
    live = shown(record)
    read = rows.read({"id": record.id, "name": record.name, "charging_mode": mode, "order_id": order})
    charging = {"charging_info": read.shown["charging_info"]} if "charging_info" in read.shown else {}
    kept = {key: value for key, value in live.shown.items() if key != "charging_info"}
    observed = {**live.observed, "charging_mode": mode}
    return replace(live, shown={**kept, **charging}, observed=observed, order_id=order)


def there(record, desired, *, mode="PRE_PAID", order="CS1", beside=(), **rest):
    live = (row_of(record, mode, order=order),)
    return surveyed(desired, *beside, state=a_state(record), live=live, **rest)


def missold(declared=None, *, sold="PRE_PAID", **facts):
    """A record of a purchase of ours that came to another mode."""
    known = {"sold": sold, "observed": {"status": "RUNNING", "charging_mode": sold}}
    known |= {"order_id": "CS1"} if sold == "PRE_PAID" else {}
    return bought(wanted(charging_info=declared), **(known | facts))


class TestADefaultThatARowDenies:
    @pytest.mark.parametrize(
        ("declared", "specs"), [(None, None), (POSTPAID, None), (None, POSTPAID), (POSTPAID, POSTPAID)]
    )
    @pytest.mark.parametrize(
        ("mode", "order"), [("PRE_PAID", "CS1"), ("PRE_PAID", None), ("COMMON", "CS1"), ("pre-paid", None)]
    )
    def test_it_is_told_like_a_declared_value_and_nothing_is_sent(self, declared, specs, mode, order):
        survey = there(missold(declared, order_id=order), wanted(charging_info=specs), mode=mode, order=order)
        plan = planned(survey)
        assert [change.action for change in plan.changes] == [Action.NO_OP]
        assert codes(plan.findings) == ["unconfirmed"]
        assert "charging_info.charging_mode is 'PRE_PAID'" in plan.findings[0].summary
        assert of_plan(plan, detailed=True) is ExitCode.DIFFERENCES

    @pytest.mark.parametrize("declared", [None, POSTPAID])
    def test_drift_shows_it(self, declared):
        plan = refreshed(there(missold(declared), wanted(charging_info=declared)))
        (field,) = plan.changes[0].fields
        assert (field.path, field.before, field.after) == (("charging_info", "charging_mode"), "POST_PAID", "PRE_PAID")
        assert of_plan(plan, detailed=True) is ExitCode.DIFFERENCES

    def test_what_was_taken_over_is_told_as_well(self):
        record = replace(missold(), sold=None)
        assert codes(planned(there(record, wanted())).findings) == ["unconfirmed"]

    @pytest.mark.parametrize(
        ("specs", "declared", "mode", "order"),
        [
            (None, None, "POST_PAID", None),
            (None, None, "POST_PAID", "CS1"),  # became pay-per-use, and keeps its order
            (None, None, "COMMON", None),
            (PREPAID, PREPAID, "PRE_PAID", "CS1"),
        ],
    )
    def test_what_is_as_it_was_asked_for_is_not_told(self, specs, declared, mode, order):
        record = bought(
            wanted(charging_info=declared), order_id=order, observed={"status": "RUNNING", "charging_mode": mode}
        )
        survey = there(record, wanted(charging_info=specs), mode=mode, order=order)
        assert not planned(survey).findings
        assert not refreshed(survey).work

    def test_a_line_that_was_taken_out_is_told_as_more_of_it_would_be_bought_otherwise(self):
        """Also where it was recorded, as it was bought so or the specs have stated it for a while. What is recorded is no drift."""
        record = bought(
            wanted(charging_info=PREPAID), order_id="CS1", observed={"status": "RUNNING", "charging_mode": "PRE_PAID"}
        )
        survey = there(record, wanted())
        assert codes(planned(survey).findings) == ["unconfirmed"]
        assert not planned(survey).work
        assert not refreshed(survey).work

    def test_what_was_sold_otherwise_and_stated_for_a_while_is_guarded_again_without_its_line(self):
        record = bought(
            wanted(charging_info=PREPAID),
            order_id="CS1",
            observed={"status": "RUNNING", "charging_mode": "PRE_PAID"},
            sold="PRE_PAID",
        )
        more = wanted("more", name="more")
        assert codes(planned(there(record, wanted(), beside=(more,))).refusals) == ["charging-mismatch"]
        assert not planned(there(record, wanted(charging_info=PREPAID), beside=(more,))).refusals

    def test_what_the_stack_leaves_to_the_cloud_denies_nothing(self):
        survey = there(replace(missold(), sold=None), wanted(), policy=CLOUD)
        assert not planned(survey).findings
        assert not refreshed(survey).work

    def test_who_ignores_the_field_is_told_nothing(self):
        desired = replace(wanted(), lifecycle=Lifecycle(ignore_changes=(("charging_info",),)))
        assert not planned(there(missold(), desired)).findings
        assert not refreshed(there(missold(), desired)).work

    def test_it_is_told_beside_a_change_in_place_and_a_reinstallation(self):
        for differing in ({"name": "portal"}, {"key_pair_name": "new"}):
            assert "unconfirmed" in codes(planned(there(missold(), wanted(**differing))).findings)


class TestWhatDiffers:
    def test_only_the_mode_is_named_where_the_term_is_the_same(self):
        record = missold(PREPAID, sold="POST_PAID")
        (finding,) = planned(there(record, wanted(charging_info=PREPAID), mode="POST_PAID", order=None)).findings
        assert "charging_info.charging_mode is 'POST_PAID' and 'PRE_PAID' was declared" in finding.summary
        assert "period" not in finding.summary

    def test_an_ignored_mode_does_not_replace_by_its_term(self):
        desired = replace(
            wanted(charging_info=PREPAID), lifecycle=Lifecycle(ignore_changes=(("charging_info", "charging_mode"),))
        )
        (change,) = planned(there(missold(PREPAID, sold="POST_PAID"), desired, mode="POST_PAID", order=None)).changes
        assert (change.action, change.fields) == (Action.NO_OP, ())


class TestStatingWhatWasSold:
    @pytest.mark.parametrize("declared", [None, POSTPAID])
    @pytest.mark.parametrize("specs", [PREPAID, MONTHS])
    @pytest.mark.parametrize(("mode", "order"), [("PRE_PAID", "CS1"), ("COMMON", "CS1"), ("PRE_PAID", None)])
    def test_prepaid_is_no_change_whatever_shows_it(self, declared, specs, mode, order):
        """Its term, which no row shows, is assumed."""
        specs = {key: value for key, value in specs.items() if key not in {"is_auto_pay", "is_auto_renew"}}
        record = missold(declared, observed={"status": "RUNNING", "charging_mode": mode})
        survey = there(record, wanted(charging_info=specs), mode=mode, order=order)
        plan = planned(survey)
        assert [change.action for change in plan.changes] == [Action.NO_OP]
        assert codes(plan.findings) == ["assumed"]
        assert not refreshed(survey).work

    def test_an_order_that_only_the_record_knows_says_it_too(self):
        (change,) = planned(there(missold(), wanted(charging_info=MONTHS), mode="COMMON", order=None)).changes
        assert change.action is Action.NO_OP

    @pytest.mark.parametrize("specs", [None, POSTPAID])
    def test_pay_per_use_is_no_change_either(self, specs):
        survey = there(missold(PREPAID, sold="POST_PAID"), wanted(charging_info=specs), mode="POST_PAID", order=None)
        assert [change.action for change in planned(survey).changes] == [Action.NO_OP]
        assert not refreshed(survey).work


class TestTheGuard:
    MORE = wanted("more", name="more")

    def refused(self, record, desired, **rest):
        return codes(planned(there(record, desired, beside=(self.MORE,), **rest)).refusals)

    @pytest.mark.parametrize("declared", [None, POSTPAID])
    def test_no_more_is_bought_of_what_was_sold_to_us_otherwise(self, declared):
        assert self.refused(missold(declared), wanted(charging_info=declared)) == ["charging-mismatch"]

    @pytest.mark.parametrize("specs", [MONTHS, PREPAID])
    @pytest.mark.parametrize("declared", [None, POSTPAID])
    def test_specs_that_declare_what_was_sold_lead_out(self, declared, specs):
        assert self.refused(missold(declared), wanted(charging_info=specs)) == []

    @pytest.mark.parametrize("specs", [None, POSTPAID])
    def test_so_do_specs_that_give_a_term_up_that_was_never_sold(self, specs):
        record = missold(PREPAID, sold="POST_PAID")
        assert self.refused(record, wanted(charging_info=PREPAID), mode="POST_PAID", order=None) == [
            "charging-mismatch"
        ]
        assert self.refused(record, wanted(charging_info=specs), mode="POST_PAID", order=None) == []

    def test_what_was_taken_over_or_became_so_since_does_not_count(self):
        assert self.refused(replace(missold(), sold=None), wanted()) == []
        turned = bought(wanted(), observed={"status": "RUNNING", "charging_mode": "POST_PAID"})
        assert self.refused(turned, wanted()) == []

    def test_what_is_seen_for_the_first_time_counts(self):
        """The answer and its first row showed nothing of it."""
        assert self.refused(bought(wanted()), wanted()) == ["charging-mismatch"]

    def test_what_shows_as_it_was_wanted_after_all_does_not(self):
        assert self.refused(missold(), wanted(), mode="POST_PAID", order=None) == []

    def test_a_replacement_of_the_server_itself_is_a_purchase_too(self):
        survey = there(missold(), wanted(), replace=frozenset({an_address("gateway")}))
        assert "charging-mismatch" in codes(planned(survey).refusals)


class TestUnpaid:
    ORDERED = missold(id=None, observed={}, phase=Phase.AWAITING_PAYMENT)

    def survey(self, desired, record=None):
        return surveyed(desired, state=a_state(record or self.ORDERED))

    @pytest.mark.parametrize("plans", [planned, refreshed])
    @pytest.mark.parametrize("sold", ["PRE_PAID", None])
    def test_an_order_that_nobody_is_to_pay_is_told_in_every_plan(self, plans, sold):
        """By its order alone, where an older version has recorded it."""
        plan = plans(self.survey(wanted(), replace(self.ORDERED, sold=sold)))
        (finding,) = plan.findings
        assert finding.code == "charging-mismatch"
        assert "do not pay it: `provisioner orders cancel 'gateway'`" in finding.hint
        assert of_plan(plan, detailed=True) is ExitCode.DIFFERENCES

    def test_where_the_guard_says_it_it_is_said_once(self):
        plan = planned(surveyed(wanted(), wanted("more", name="more"), state=a_state(self.ORDERED)))
        assert (codes(plan.findings), codes(plan.refusals)) == ([], ["charging-mismatch"])
        assert "do not pay it" in plan.refusals[0].hint

    def test_specs_that_want_it_so_end_that(self):
        assert codes(planned(self.survey(wanted(charging_info=PREPAID))).findings) == ["unpaid-order"]

    def test_an_order_that_was_wanted_is_not_told(self):
        record = bought(
            wanted(charging_info=PREPAID), id=None, order_id="CS1", phase=Phase.AWAITING_PAYMENT, observed={}
        )
        assert codes(planned(self.survey(wanted(charging_info=PREPAID), record)).findings) == ["unpaid-order"]

    def test_the_ways_follow_what_is_recorded(self):
        """Paid from here: neither to be paid nor to be cancelled, and followed by its address, as the guard blocks the rest."""
        paid = replace(self.ORDERED, phase=Phase.ORDERING, paid=True)
        (finding,) = planned(self.survey(wanted(), paid)).findings
        assert finding.summary.endswith("it is paid")
        assert ("orders cancel" in finding.hint, "orders pay" in finding.hint) == (False, False)
        assert "its order is paid: `provisioner apply --target 'gateway'` goes on with it" in finding.hint
        assert "`provisioner destroy --target 'gateway' --allow prepaid-delete`" in finding.hint

    def test_what_shares_its_order_is_released_together(self):
        records = (missold(), replace(missold(), address=an_address("more"), id="id-2"))
        survey = surveyed(wanted(), wanted("more", name="more"), wanted("new", name="new"), state=a_state(*records))
        hint = planned(survey).refusals[0].hint
        assert "`provisioner destroy --target 'gateway' --target 'more' --allow prepaid-delete` releases them" in hint

    @pytest.mark.parametrize("phase", [Phase.ORDERING, Phase.CREATING])
    def test_what_is_being_built_is_told_and_how_to_release_it(self, phase):
        record = replace(self.ORDERED, phase=phase, id="id-1" if phase is Phase.CREATING else None)
        (finding,) = [one for one in planned(self.survey(wanted(), record)).findings if one.code == "charging-mismatch"]
        assert "destroy --target 'gateway'" in finding.hint
        assert "do not pay" not in finding.hint


def test_what_was_sold_otherwise_is_in_every_rule_with_a_default_that_a_row_can_deny():
    """The kind and not the field: whatever else comes to have a default, and is shown, is compared."""
    denied = [rule.path for rule in KIND.rules if rule.default is not None and rule.shown and rule.survives_removal]
    assert denied == [("charging_info", "charging_mode")]
