"""A status that the API does not describe is told, and nothing that cannot be undone is done to such a server unasked."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.builders import a_state
from support.planning_builders import OTHER_IMAGE, bought, codes, planned, shown, surveyed, wanted

from provisioner.kinds import CATALOGUE
from provisioner.model.action import Action
from provisioner.model.guards import Allowance
from provisioner.model.plan import Mode
from provisioner.model.resource import Phase

KIND = CATALOGUE["dev_server"]
ODD = ["FROZEN", "", "running"]
OTHERS = frozenset(Allowance) - {Allowance.UNKNOWN_STATUS}


def surveyed_in(status, *, phase=Phase.READY, **fields):
    recorded = bought(wanted(), phase=phase)
    row = replace(shown(recorded), status=status)
    return surveyed(wanted(**fields), state=a_state(recorded), live=(row,), allowed=OTHERS)


@pytest.mark.parametrize("status", ODD)
def test_plan_and_drift_tell_it(status):
    survey = surveyed_in(status)
    for plan in (planned(survey), planned(survey, mode=Mode.REFRESH)):
        (finding,) = [one for one in plan.findings if one.code == "unknown-status"]
        assert (f"{status!r}" if status else "no status") in finding.summary
        assert "60 min" in finding.detail
        assert "--exclude 'gateway'" in finding.hint
        assert plan.refusals == ()


@pytest.mark.parametrize("status", sorted(KIND.statuses.known))
def test_no_published_status_is_one_of_them(status):
    assert "unknown-status" not in codes(planned(surveyed_in(status)).findings)


@pytest.mark.parametrize("phase", [Phase.CREATING, Phase.READY, Phase.FAILED, Phase.REINSTALLING])
def test_it_is_told_however_far_the_server_has_come(phase):
    assert "unknown-status" in codes(planned(surveyed_in("FROZEN", phase=phase)).findings)


LOSSES = [{"image_id": OTHER_IMAGE}, {"flavor": "other"}]


@pytest.mark.parametrize("status", ODD)
@pytest.mark.parametrize("fields", LOSSES)
def test_it_is_neither_wiped_nor_replaced_unasked(status, fields):
    (refusal,) = [one for one in planned(surveyed_in(status, **fields)).refusals if one.code == "unknown-status"]
    assert "--allow unknown-status" in refusal.hint


@pytest.mark.parametrize("status", ODD)
def test_it_is_not_released_unasked(status):
    assert codes(planned(surveyed_in(status), mode=Mode.DESTROY).refusals) == ["unknown-status"]


@pytest.mark.parametrize("fields", LOSSES)
def test_a_person_may_allow_it(fields):
    plan = planned(replace(surveyed_in("FROZEN", **fields), allowed=frozenset(Allowance)))
    assert "unknown-status" not in codes(plan.refusals)
    assert "unknown-status" in codes(plan.lifted)


def test_what_can_be_undone_is_planned_and_a_release_that_was_sent_goes_on():
    plan = planned(surveyed_in("FROZEN", power="stopped"))
    assert plan.refusals == ()
    begun = planned(surveyed_in("FROZEN", phase=Phase.DELETING), mode=Mode.DESTROY)
    assert begun.refusals == ()
    assert begun.changes[0].action is Action.DELETE


def test_a_deposed_server_is_not_released_unasked_though_its_successor_stands():
    recorded = bought(wanted(), phase=Phase.READY)
    old = replace(recorded, address=recorded.address.as_deposed, id="old")
    rows = (shown(recorded), replace(shown(old), status="FROZEN"))
    plan = planned(surveyed(wanted(), state=a_state(recorded, old), live=rows, allowed=OTHERS))
    assert [change.action for change in plan.changes if change.address.deposed] == [Action.DELETE]
    assert codes(plan.refusals) == ["unknown-status"]
