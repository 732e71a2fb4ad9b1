"""What a plan does to servers, counted for pipelines."""

from __future__ import annotations

import pytest
from support.builders import a_desired, a_plan, a_recorded, change_of

from provisioner.model.action import Action, FieldChange, Reason
from provisioner.model.address import Address
from provisioner.model.change import ForgetChange, ImportChange, ResolveChange, ResumeChange
from provisioner.model.effects import Effects
from provisioner.model.plan import Mode
from provisioner.model.resource import Phase

ADDRESS = Address("alpha")
RENAMED = (FieldChange(("name",), "a", "b"),)


def effects_of(*changes, mode=Mode.APPLY):
    return Effects.of(a_plan(*changes, mode=mode))


def resuming(phase):
    recorded = a_recorded("alpha", phase=phase)
    return ResumeChange(ADDRESS, "dev_server", desired=a_desired("alpha"), recorded=recorded, reason=Reason.UNDER_WAY)


def importing(*fields):
    return ImportChange(ADDRESS, "dev_server", desired=a_desired("alpha"), recorded=a_recorded("alpha"), fields=fields)


@pytest.mark.parametrize(
    ("change", "only_adds"),
    [
        (change_of(ADDRESS, "dev_server", Action.CREATE), True),
        (change_of(ADDRESS, "dev_server", Action.UPDATE), False),
        (change_of(ADDRESS, "dev_server", Action.REINSTALL), False),
        (change_of(ADDRESS, "dev_server", Action.REPLACE), False),
        (change_of(ADDRESS, "dev_server", Action.DELETE), False),
        (importing(), True),
        (importing(*RENAMED), False),
        (ForgetChange(ADDRESS, "dev_server", recorded=a_recorded("alpha"), reason=Reason.VANISHED), True),
        (ForgetChange(ADDRESS, "dev_server", recorded=a_recorded("alpha"), let_go=True), False),
        (resuming(Phase.ORDERING), True),
        (resuming(Phase.CREATING), True),
        (resuming(Phase.READY), False),
        (resuming(Phase.REINSTALLING), False),
        (ResolveChange(ADDRESS, "dev_server", reason=Reason.IN_DOUBT), True),
        (ResolveChange(ADDRESS, "dev_server", reason=Reason.IN_DOUBT, let_go=True), False),
    ],
)
def test_a_plan_only_adds_where_nothing_that_exists_is_touched(change, only_adds):
    assert effects_of(change).only_adds is only_adds


def test_one_other_change_is_enough():
    assert not effects_of(
        change_of(ADDRESS, "dev_server", Action.CREATE), change_of(Address("beta"), "dev_server", Action.DELETE)
    ).only_adds


def test_a_destroy_adds_nothing_whatever_it_looks_for():
    doubt = ResolveChange(ADDRESS, "dev_server", reason=Reason.IN_DOUBT)
    assert not effects_of(doubt, mode=Mode.DESTROY).only_adds


def test_no_work_touches_nothing():
    assert effects_of() == Effects(0, 0, 0, 0, 0, 0, only_adds=True)


def test_a_replacement_buys_and_releases_and_an_unfinished_wipe_wipes():
    effects = effects_of(change_of(ADDRESS, "dev_server", Action.REPLACE), resuming(Phase.REINSTALLING))
    assert (effects.buys, effects.releases, effects.resumes, effects.wipes) == (1, 1, 1, 1)
