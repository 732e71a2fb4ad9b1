"""What one run may not do without being told that it may, and what is told when it was."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.builders import a_state, an_intent
from support.planning_builders import PREPAID, bought, codes, planned, settled, shown, surveyed, wanted

from provisioner.model.action import Action
from provisioner.model.diagnostic import Severity
from provisioner.model.guards import ALL, Allowance, GuardLimits
from provisioner.model.plan import Mode
from provisioner.model.resource import Lifecycle, Phase


def fleet(count, **fields):
    return [wanted(f"pool[{number}]", name=f"pool-{number}", **fields) for number in range(count)]


def after(before, now, **rest):
    """`before` is there; `now` is wanted."""
    return replace(settled(*before), desired=tuple(now), **rest)


@pytest.mark.parametrize(("count", "gone", "refused"), [(9, 9, False), (10, 3, False), (10, 4, True), (20, 7, True)])
def test_more_than_thirty_percent_are_not_released_once_there_are_ten(count, gone, refused):
    servers = fleet(count)
    refusals = planned(after(servers, servers[gone:])).refusals
    assert codes(refusals) == (["mass-change"] if refused else [])
    if refused:
        assert f"{gone} of {count} servers would be released" in refusals[0].summary
        assert "pool[0], pool[1]" in refusals[0].detail
        assert "--allow mass-change" in refusals[0].hint


@pytest.mark.parametrize("changed", [{"flavor": "other"}, {"prefix": "renamed"}])
def test_replacements_and_updates_are_counted_each_by_itself(changed):
    before = fleet(10)
    if "prefix" in changed:
        now = [wanted(f"pool[{number}]", name=f"renamed-{number}") for number in range(10)]
    else:
        now = fleet(10, **changed)
    (refusal,) = planned(after(before, (*now[:4], *before[4:]))).refusals
    assert refusal.code == "mass-change"
    assert ("released" if "flavor" in changed else "changed") in refusal.summary
    assert planned(after(before, (*now[:3], *before[3:]))).refusals == ()


def test_three_released_and_three_changed_of_ten_are_not_too_many():
    before = fleet(10)
    now = (*[wanted(f"pool[{number}]", name=f"renamed-{number}") for number in range(3)], *before[3:7])
    assert planned(after(before, now)).refusals == ()


def test_labels_are_nobodys_change_but_ours():
    before = fleet(10)
    assert planned(after(before, [replace(one, labels={"team": "vision"}) for one in before])).refusals == ()


def test_destroy_says_by_its_name_that_it_releases_all():
    assert planned(settled(*fleet(20)), mode=Mode.DESTROY).refusals == ()


def test_what_is_being_released_already_is_not_asked_about_again():
    before = fleet(10)
    records = [bought(one, phase=Phase.DELETING if number < 4 else Phase.READY) for number, one in enumerate(before)]
    survey = surveyed(*before[4:], state=a_state(*records), live=tuple(map(shown, records)))
    assert planned(survey).refusals == ()


@given(st.integers(1, 30), st.data(), st.integers(0, 100), st.integers(1, 40))
def test_both_numbers_are_the_stacks(count, data, percent, least):
    gone = data.draw(st.integers(0, count))
    servers = fleet(count)
    limits = GuardLimits(mass_change_percent=percent, mass_change_from=least)
    refused = count >= least and gone / count > percent / 100 + 1e-9
    assert bool(planned(after(servers, servers[gone:], limits=limits)).refusals) == refused


def test_a_stack_holds_no_more_servers_than_it_says():
    limits = GuardLimits(max_servers=2)
    (refusal,) = planned(after(fleet(2), fleet(4), limits=limits)).refusals
    assert refusal.code == "max-servers"
    assert "would have 4 servers" in refusal.summary
    assert refusal.detail == "to be bought: pool[2], pool[3]"
    assert planned(after(fleet(2), fleet(2), limits=limits)).refusals == ()
    assert planned(after(fleet(2), (*fleet(1), wanted()), limits=limits)).refusals == ()


def test_who_is_above_the_number_already_may_have_less():
    assert planned(after(fleet(5), fleet(4), limits=GuardLimits(max_servers=2))).refusals == ()


def test_a_purchase_in_doubt_counts_as_bought():
    intent = an_intent("pool[0]", name="pool-0")
    survey = surveyed(*fleet(2), state=a_state(intents={intent.id: intent}), limits=GuardLimits(max_servers=1))
    assert codes(planned(survey).refusals) == ["max-servers"]


def test_the_last_trace_of_a_server_is_not_dropped_by_itself():
    survey = surveyed(state=a_state(bought(wanted())))
    (refusal,) = planned(survey).refusals
    assert refusal.code == "vanished"
    assert "id-of-gateway" in refusal.summary
    allowed = planned(replace(survey, allowed=frozenset({Allowance.VANISHED})))
    assert [change.action for change in allowed.changes] == [Action.FORGET]
    assert allowed.refusals == ()


def test_what_we_released_ourselves_may_be_gone():
    assert planned(surveyed(state=a_state(bought(wanted(), phase=Phase.DELETING)))).refusals == ()


@pytest.mark.parametrize("mode", [Mode.APPLY, Mode.DESTROY])
def test_a_prepaid_server_is_not_released_by_leaving_the_specs(mode):
    survey = settled(wanted(charging_info=PREPAID))
    survey = survey if mode is Mode.DESTROY else replace(survey, desired=())
    (refusal,) = planned(survey, mode=mode).refusals
    assert refusal.code == "prepaid-delete"
    assert "--allow prepaid-delete" in refusal.hint
    assert planned(replace(survey, allowed=ALL), mode=mode).refusals == ()


def test_a_prepaid_server_in_doubt_is_not_destroyed_either():
    intent = an_intent("gateway", name="gateway", declared={"name": "gateway", "charging_info": PREPAID})
    survey = surveyed(state=a_state(intents={intent.id: intent}))
    assert codes(planned(survey, mode=Mode.DESTROY).refusals) == ["prepaid-delete"]
    assert planned(survey).refusals == ()


class TestAllowing:
    def test_it_is_for_the_codes_that_were_named_and_is_told(self):
        survey = after(fleet(10, charging_info=PREPAID), [])
        plan = planned(replace(survey, allowed=frozenset({Allowance.MASS_CHANGE})))
        assert set(codes(plan.refusals)) == {"prepaid-delete"}
        (lifted,) = plan.lifted
        assert (lifted.code, lifted.severity) == ("mass-change", Severity.WARNING)
        assert lifted.hint == "allowed for this run: --allow mass-change"
        assert plan.allowed == (Allowance.MASS_CHANGE,)

    def test_all_is_all_but_protection(self):
        protected = replace(wanted(), lifecycle=Lifecycle(prevent_destroy=True))
        survey = replace(settled(protected), allowed=ALL)
        assert codes(planned(survey, mode=Mode.DESTROY).refusals) == ["protected"]
        named = replace(survey, allowed=frozenset({Allowance.PROTECTED}))
        assert planned(named, mode=Mode.DESTROY).refusals == ()

    def test_what_is_decided_by_address_is_not_allowed_by_code(self):
        prepaid = wanted(charging_info=PREPAID)
        survey = after([prepaid], [wanted(charging_info=PREPAID, flavor="other")], allowed=frozenset(Allowance))
        assert codes(planned(survey).refusals) == ["prepaid-replace"]


@pytest.mark.parametrize("order", [("a", "b"), ("b", "a")])
def test_of_several_that_were_sold_otherwise_the_first_address_is_named(order):
    observed = {"status": "RUNNING", "charging_mode": "PRE_PAID"}
    sold = [bought(wanted(name), observed=observed, sold="PRE_PAID") for name in order]
    survey = surveyed(*map(wanted, ("a", "b", "c")), state=a_state(*sold))
    assert [one.address.name for one in planned(survey).refusals if one.code == "charging-mismatch"] == ["a"]
