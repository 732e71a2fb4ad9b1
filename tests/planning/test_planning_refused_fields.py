"""A field that the cloud has refused for one server: told in every plan, asked for again only when something says so."""

from __future__ import annotations

import pytest
from support.builders import a_state
from support.planning_builders import OTHER_IMAGE, bought, codes, planned, shown, surveyed, wanted

from provisioner.model.action import Action
from provisioner.model.guards import Allowance
from provisioner.model.plan import Mode
from provisioner.planning import clear_stale_refusals

VOLUME, OTHER = "0b5a1d2e-2cdb-4b81-956a-ef68812c6cf7", "2d7c3f40-2cdb-4b81-956a-ef68812c6cf7"
REFUSED = {"volumes": {"value": [VOLUME], "code": "ModelArts.7000", "message": "only for A3"}}


def made(*, mode=Mode.APPLY, allowed=frozenset(), row=None, replace=frozenset(), before=None, **fields):
    desired = wanted(**fields)
    record = bought(wanted(**(before or {})), refused=REFUSED)
    survey = surveyed(
        desired,
        state=a_state(record),
        live=(shown(record, **(row or {})),),
        allowed=frozenset(allowed),
        replace=replace,
    )
    plan = planned(survey, mode=mode)
    (change,) = plan.changes
    return plan, change


def test_it_is_left_out_of_the_work_and_told_with_the_next_step():
    plan, change = made(volumes=[VOLUME])
    assert (change.action, change.fields) == (Action.NO_OP, ())
    (finding,) = plan.findings
    assert (finding.code, finding.address) == ("refused-before", change.address)
    assert "volumes" in finding.summary
    assert finding.detail == "only for A3"
    assert "--allow refused-before" in finding.hint
    assert list(clear_stale_refusals(plan)) == []


def test_other_changes_go_on_without_it():
    plan, change = made(volumes=[VOLUME], name="omega")
    assert (change.action, [item.path for item in change.fields]) == (Action.UPDATE, [("name",)])
    assert codes(plan.findings) == ["refused-before"]


@pytest.mark.parametrize("volumes", [[OTHER], [VOLUME, OTHER]])
def test_another_value_asks_again(volumes):
    plan, change = made(volumes=volumes)
    assert (change.action, [item.path for item in change.fields]) == (Action.UPDATE, [("volumes",)])
    assert "refused-before" not in codes(plan.findings)
    (facts,) = clear_stale_refusals(plan)
    assert facts.refused == {}


def test_a_person_asks_again():
    plan, change = made(volumes=[VOLUME], allowed={Allowance.REFUSED_BEFORE})
    assert (change.action, [item.path for item in change.fields]) == (Action.UPDATE, [("volumes",)])
    assert "refused-before" not in codes(plan.findings)


def test_a_field_that_is_gone_from_the_specs_is_forgotten():
    plan, change = made()
    assert (change.action, plan.findings) == (Action.NO_OP, ())
    (facts,) = clear_stale_refusals(plan)
    assert facts.refused == {}


def test_another_machine_has_refused_nothing():
    plan, change = made(volumes=[VOLUME], replace=frozenset({wanted().address}))
    assert change.action is Action.REPLACE
    assert ("volumes",) in {item.path for item in change.fields}
    assert "refused-before" not in codes(plan.findings)


def test_a_reinstallation_does_not_ask_for_it_either():
    _, change = made(volumes=[VOLUME], image_id=OTHER_IMAGE)
    assert (change.action, [item.path for item in change.fields]) == (Action.REINSTALL, [("image_id",)])


def test_a_release_tells_nothing_of_it():
    plan, _ = made(mode=Mode.DESTROY, volumes=[VOLUME])
    assert "refused-before" not in codes(plan.findings)
    assert list(clear_stale_refusals(plan)) == []
