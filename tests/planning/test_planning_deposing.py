"""A deposed server in a plan: whom its release waits for, who may take its place, and what never has it released too early."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.builders import a_state, an_address
from support.planning_builders import bought, codes, planned, shown, surveyed, wanted

from provisioner.model.change import Action
from provisioner.model.handover import Handover, Move, Removal
from provisioner.model.resource import Phase
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
    survey = survey_of(wanted(), records=(OLD, spare), handover=Handover(moves=(Move(an_address("spare"), GATEWAY),)))
    assert codes(planned(survey).refusals) == ["move-impossible"]


def test_whoever_lets_a_member_go_lets_its_deposed_server_go():
    member = an_address("pool[0]")
    old = replace(OLD, address=member.as_deposed)
    survey = survey_of(records=(old, replace(NEW, address=member)), handover=Handover(removals=(Removal(member),)))
    assert actions(planned(survey)) == {"pool[0]": Action.FORGET, "pool[0]@deposed": Action.FORGET}
