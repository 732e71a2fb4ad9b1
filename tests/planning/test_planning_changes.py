"""What takes another system on the same machine, what only an update, and what an earlier run left half way."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.builders import a_state
from support.planning_builders import (
    OTHER_IMAGE,
    PASSWORD,
    PREPAID,
    bought,
    codes,
    planned,
    shown,
    surveyed,
    the_change,
    wanted,
)

from provisioner.model.action import Action, Reason
from provisioner.model.resource import Lifecycle, OnOsChange, Phase
from provisioner.model.term import Term

FIRST, SECOND, THIRD = (f"0000000{number}-0000-4000-8000-000000000000" for number in (1, 2, 3))


def survey_of(desired, record=None, status="RUNNING", **differing):
    record = record or bought(wanted())
    return surveyed(desired, state=a_state(record), live=(shown(record, status, **differing),))


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"image_id": OTHER_IMAGE}, ("image_id",)),
        ({"userdata": "aGk="}, ("userdata",)),
        ({"key_pair_name": "theirs"}, ("key_pair_name",)),
    ],
)
def test_another_system_is_put_on_the_same_machine(changed, path):
    change = the_change(survey_of(wanted(**changed)))
    assert (change.action, change.reason) == (Action.REINSTALL, None)
    assert [(item.path, item.reinstalls, item.forces_replacement) for item in change.fields] == [(path, True, False)]


def test_a_prepaid_server_keeps_its_term_under_another_image_and_nobody_has_to_name_it():
    record = bought(wanted(charging_info=PREPAID))
    plan = planned(survey_of(wanted(charging_info=PREPAID, image_id=OTHER_IMAGE), record))
    assert [change.action for change in plan.work] == [Action.REINSTALL]
    assert plan.refusals == ()


def test_where_the_lifecycle_says_so_it_is_another_machine():
    desired = replace(wanted(image_id=OTHER_IMAGE), lifecycle=Lifecycle(on_os_change=OnOsChange.REPLACE))
    change = the_change(survey_of(desired))
    assert (change.action, change.reason) == (Action.REPLACE, Reason.CANNOT_UPDATE)
    assert [(item.reinstalls, item.forces_replacement) for item in change.fields] == [(False, True)]


def test_and_of_a_prepaid_one_that_is_refused_until_it_is_named():
    record = bought(wanted(charging_info=PREPAID))
    desired = wanted(charging_info=PREPAID, image_id=OTHER_IMAGE)
    desired = replace(desired, lifecycle=Lifecycle(on_os_change=OnOsChange.REPLACE))
    assert codes(planned(survey_of(desired, record)).refusals) == ["prepaid-replace"]


def test_a_machine_that_is_released_is_not_reinstalled_before():
    change = the_change(survey_of(wanted(flavor="Si2.large.8", image_id=OTHER_IMAGE, admin_pass=PASSWORD)))
    assert change.action is Action.REPLACE
    assert not any(item.reinstalls for item in change.fields)


def test_a_reinstallation_is_a_change_in_the_count_of_a_plan():
    summary = planned(survey_of(wanted(image_id=OTHER_IMAGE))).summary
    assert (summary.add, summary.change, summary.destroy) == (0, 1, 0)


def test_a_new_name_beside_another_image_may_be_a_strangers():
    stranger = replace(shown(bought(wanted("portal"))), id="strange")
    survey = survey_of(wanted(name="portal", image_id=OTHER_IMAGE))
    survey = replace(survey, live={**survey.live, stranger.id: stranger})
    assert codes(planned(survey).refusals) == ["name-taken"]


def test_power_that_drifted_is_mended():
    change = the_change(survey_of(wanted(power="running"), bought(wanted(power="running")), "STOPPED", power="stopped"))
    assert change.action is Action.UPDATE
    assert [(item.path, item.before, item.drift) for item in change.fields] == [(("power",), "stopped", True)]


def test_power_that_nobody_declared_is_nobodys_difference():
    assert the_change(survey_of(wanted(), None, "STOPPED", power="stopped")).action is Action.NO_OP


def test_volumes_that_others_attached_are_nobodys_difference():
    record = bought(wanted(volumes=[FIRST]))
    assert the_change(survey_of(wanted(volumes=[FIRST]), record, volumes=[SECOND, FIRST])).action is Action.NO_OP


def test_a_volume_that_is_not_attached_any_more_is():
    record = bought(wanted(volumes=[FIRST, SECOND]))
    change = the_change(survey_of(wanted(volumes=[FIRST, SECOND]), record, volumes=[SECOND, THIRD]))
    assert [(item.before, item.after, item.drift) for item in change.fields] == [([SECOND], [FIRST, SECOND], True)]


def test_what_a_change_left_half_way_is_resumed():
    record = bought(wanted(), pending={"power": "running"})
    change = the_change(survey_of(wanted(), record, "STOPPED"))
    assert (change.action, change.reason) == (Action.RESUME, Reason.UNDER_WAY)


def test_and_planned_again_as_long_as_the_specs_want_it():
    record = bought(wanted(), pending={"power": "running"})
    change = the_change(survey_of(wanted(image_id=OTHER_IMAGE), record, "STOPPED"))
    assert change.action is Action.REINSTALL


def test_an_installation_is_finished_before_its_server_is_compared():
    record = bought(wanted(), phase=Phase.REINSTALLING)
    change = the_change(survey_of(wanted(image_id=OTHER_IMAGE), record, "CHANGINGOS"))
    assert (change.action, change.fields) == (Action.RESUME, ())


@pytest.mark.parametrize(
    ("ends", "renews", "told"), [(99, False, True), (99, None, True), (99, True, False), (101, False, False)]
)
def test_a_term_that_has_ended_is_told_before_the_cloud_releases_the_server(ends, renews, told):
    recorded = replace(bought(wanted(charging_info=PREPAID)), term=Term(ends, renews, 1))
    survey = surveyed(wanted(charging_info=PREPAID), state=a_state(recorded), live=(shown(recorded),))
    assert ("expired" in codes(planned(replace(survey, server_time=100)).findings)) == told
    assert codes(planned(survey).findings) == []
