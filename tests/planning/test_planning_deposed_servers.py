"""A deposed server in a plan: whom its release waits for, who may take its place, and what never has it released too early."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.builders import a_state, an_address
from support.planning_builders import PREPAID, bought, codes, planned, refreshed, shown, surveyed, wanted

from provisioner.model.action import Action
from provisioner.model.guards import GuardLimits
from provisioner.model.refactoring import Move, Refactoring, Removal
from provisioner.model.resource import Lifecycle, Phase
from provisioner.model.selection import Selection

GATEWAY = an_address("gateway")
DEPOSED = GATEWAY.as_deposed
OLD = replace(bought(wanted(), id="old"), address=DEPOSED)
NEW = bought(wanted(flavor="Si2.xlarge.4"), id="new")
BIGGER = wanted(flavor="Si2.xlarge.4")


def survey_of(*desired, records=(OLD, NEW), **rest):
    return surveyed(*desired, state=a_state(*records), live=tuple(map(shown, records)), **rest)


def actions(plan):
    return {str(change.address): change.action for change in plan.work}


@pytest.mark.parametrize("phase", [Phase.CREATING, Phase.FAILED])
def test_a_label_that_only_the_old_one_bears_does_not_have_it_released_before_its_successor_is_done(phase):
    old = replace(OLD, labels={"team": "vision"})
    survey = survey_of(
        replace(BIGGER, labels={"team": "speech"}),
        records=(old, replace(NEW, phase=phase, labels={"team": "speech"})),
        selection=Selection(labels=(("team", "vision"),)),
    )
    assert actions(planned(survey)) == {}


def test_no_other_server_is_moved_to_an_address_that_a_deposed_one_gets_back():
    spare = bought(wanted("spare"), id="spare")
    survey = survey_of(
        wanted(), records=(OLD, spare), refactoring=Refactoring(moves=(Move(an_address("spare"), GATEWAY),))
    )
    assert codes(planned(survey).refusals) == ["move-impossible"]


def test_whoever_lets_a_member_go_lets_its_deposed_server_go():
    member = an_address("pool[0]")
    old = replace(OLD, address=member.as_deposed)
    survey = survey_of(
        records=(old, replace(NEW, address=member)), refactoring=Refactoring(removals=(Removal(member),))
    )
    assert actions(planned(survey)) == {"pool[0]": Action.FORGET, "pool[0]@deposed": Action.FORGET}


def ill(survey, *identifiers, status="ERROR"):
    return replace(survey, live=survey.live | {each: replace(survey.live[each], status=status) for each in identifiers})


@pytest.mark.parametrize("status", ["ERROR", "FROZEN", "", "running"])
def test_the_old_one_runs_on_while_nobody_knows_its_successor_to_be_well(status):
    plan = planned(ill(survey_of(BIGGER), "new", status=status))
    assert (actions(plan), "deposed-kept" in codes(plan.findings)) == ({}, True)


def test_the_old_one_runs_on_where_its_successor_was_sold_otherwise():
    sold = replace(NEW, sold="PRE_PAID", order_id="CS1", observed={"status": "RUNNING", "charging_mode": "PRE_PAID"})
    survey = survey_of(BIGGER, records=(OLD, sold))
    row = replace(survey.live["new"], order_id="CS1", observed=sold.observed)
    plan = planned(replace(survey, live=survey.live | {"new": row}))
    assert (actions(plan), "deposed-kept" in codes(plan.findings)) == ({}, True)


def test_a_release_that_has_begun_is_not_held_up_by_what_is_wrong_with_its_successor():
    survey = ill(survey_of(BIGGER, records=(replace(OLD, phase=Phase.DELETING), NEW)), "new")
    plan = planned(survey)
    assert actions(plan) == {"gateway@deposed": Action.DELETE}
    assert "deposed-kept" not in codes(plan.findings)


def test_nobody_is_told_to_replace_what_is_deposed():
    (finding,) = (one for one in planned(ill(survey_of(BIGGER), "old")).findings if one.code == "adverse-status")
    assert "--replace" not in finding.hint


def test_a_successor_that_is_only_held_back_is_not_called_unwell():
    members = [replace(wanted(f"pool[{key}]", name=f"pool-{key}"), labels={"a": "b"}, wave=key) for key in range(2)]
    first, second = (bought(replace(one, labels={})) for one in members)
    old = replace(second, address=second.address.as_deposed, id="old")
    plan = planned(ill(survey_of(*members, records=(replace(first, labels={"a": "b"}), second, old)), "id-of-pool[0]"))
    (finding,) = (one for one in plan.findings if one.code == "deposed-kept")
    assert ("is held back" in finding.summary, "--replace" in finding.hint) == (True, False)


def of_one_order(**facts):
    """Two members of a group, whose old servers came by one order."""
    members = [wanted(f"pool[{key}]", name=f"pool-{key}", charging_info=PREPAID) for key in range(2)]
    new = [bought(one, order_id=f"o-{one.name}", **facts.get(one.name, {})) for one in members]
    old = [
        replace(one, address=one.address.as_deposed, id=f"old-{one.name}", order_id="o", phase=Phase.READY)
        for one in new
    ]
    return survey_of(*members, records=(*new, *old))


def test_what_came_by_one_order_waits_for_the_last_successor():
    plan = planned(of_one_order(**{"pool-1": {"phase": Phase.CREATING}}))
    assert [
        (list(map(str, dependency.addresses)), list(map(str, dependency.after))) for dependency in plan.dependencies
    ] == [(["pool[0]@deposed", "pool[1]@deposed"], ["pool[1]"])]


def test_what_came_by_one_order_is_kept_where_one_successor_is_not_well():
    plan = planned(ill(of_one_order(), "id-of-pool[1]"))
    assert (actions(plan), codes(plan.refusals)) == ({}, [])
    assert codes(plan.findings).count("deposed-kept") == 2


def fleet(**facts):
    """Ten servers that are all replaced, and what they replace."""
    members = [wanted(f"pool[{key}]", name=f"pool-{key}") for key in range(10)]
    new = [bought(one, **facts) for one in members]
    old = [replace(one, address=one.address.as_deposed, id=f"old-{one.name}", phase=Phase.READY) for one in new]
    return survey_of(*members, records=(*new, *old))


def test_releases_that_were_allowed_with_the_purchases_are_no_second_mass_change():
    assert codes(planned(fleet(phase=Phase.CREATING)).refusals) == []


@pytest.mark.parametrize(("phase", "refused"), [(Phase.CREATING, ["max-servers"]), (Phase.READY, [])])
def test_what_waits_for_its_release_is_held_until_then(phase, refused):
    survey = survey_of(
        BIGGER, wanted("edge"), records=(OLD, replace(NEW, phase=phase)), limits=GuardLimits(max_servers=2)
    )
    assert codes(planned(survey).refusals) == refused


def test_a_protected_one_is_lifted_by_hand_as_no_spec_can_do_that():
    (refusal,) = planned(survey_of(BIGGER, records=(replace(OLD, protected=True), NEW))).refusals
    assert (refusal.code, "specs" in refusal.hint) == ("protected", False)
    assert "state unprotect 'gateway@deposed'" in refusal.hint


def test_what_the_specs_ignore_is_ignored_of_the_deposed_one_too():
    ignoring = replace(BIGGER, lifecycle=Lifecycle(ignore_changes=(("name",),)))
    survey = survey_of(ignoring)
    renamed = replace(survey.live["old"], name="other", shown={**survey.live["old"].shown, "name": "other"})
    assert actions(refreshed(replace(survey, live=survey.live | {"old": renamed}))) == {}
