"""A row that lacks what every row shows: what the specs say by now may be there already, so no machine and no disk is lost for it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.builders import a_state
from support.planning_builders import KIND, OTHER_IMAGE, PREPAID, bought, codes, planned, shown, surveyed, wanted

from provisioner.model.action import Action
from provisioner.model.redaction import value_at, with_value
from provisioner.model.replay import replay
from provisioner.model.resource import Lifecycle, OnOsChange
from provisioner.planning import statements

CHANGED = {
    ("flavor",): "Si2.large.8",
    ("image_id",): OTHER_IMAGE,
    ("key_pair_name",): "theirs",
    ("network", "vpc_id"): "11111111-2222-4333-8444-555555555555",
    ("network", "subnet_id"): "11111111-2222-4333-8444-555555555555",
    ("charging_info", "charging_mode"): "PRE_PAID",
}
PAY_PER_USE = {"charging_info": {"charging_mode": "POST_PAID"}}
RECORD = bought(wanted(**PAY_PER_USE))
PATHS = list(CHANGED)


def survey_of(*paths, lacking=(), **rest):
    """The specs want `paths` otherwise than is recorded; the row shows nothing of those that are `lacking`."""
    desired, row = wanted(**PAY_PER_USE), shown(RECORD)
    lifecycle = rest.pop("lifecycle", desired.lifecycle)
    fields, seen = dict(desired.fields), dict(row.shown)
    for path in paths:
        fields = with_value(fields, path, CHANGED[path])
    for path in lacking:
        seen = with_value(seen, path, None)
    desired = replace(desired, fields=fields, lifecycle=lifecycle)
    return surveyed(desired, state=a_state(RECORD), live=(replace(row, shown=seen),), **rest)


def only(survey):
    plan = planned(survey)
    (change,) = plan.changes
    return plan, change


def test_all_that_every_row_shows_is_tried_here():
    assert {rule.path for rule in KIND.rules if rule.always_shown} == set(CHANGED)
    assert all(value_at(shown(RECORD).shown, path) is not None for path in PATHS if path[0] != "charging_info")


@pytest.mark.parametrize("path", PATHS)
def test_nothing_is_lost_for_it_and_it_is_told(path):
    plan, change = only(survey_of(path, lacking=[path]))
    assert change.action is Action.NO_OP
    (finding,) = [one for one in plan.findings if one.code == "unconfirmed"]
    assert f"{'.'.join(path)} was " in finding.summary
    assert "plan again in a minute" in finding.hint


@pytest.mark.parametrize("path", PATHS)
def test_a_row_that_shows_it_decides(path):
    assert only(survey_of(path))[1].action in {Action.REPLACE, Action.REINSTALL}
    there = survey_of(path)
    row = replace(shown(RECORD), shown=with_value(shown(RECORD).shown, path, CHANGED[path]))
    assert only(replace(there, live={row.id: row}))[1].action is Action.NO_OP


def test_nothing_of_it_is_recorded_as_if_it_were_there():
    assert only(survey_of(("image_id",), lacking=[("image_id",)]))[1].noted is None


def test_a_person_may_name_it():
    address = RECORD.address
    survey = survey_of(("image_id",), lacking=[("image_id",)], reinstall=frozenset({address}))
    assert only(survey)[1].action is Action.REINSTALL
    survey = survey_of(("flavor",), lacking=[("flavor",)], replace=frozenset({address}))
    assert only(survey)[1].action is Action.REPLACE


def test_a_named_reinstallation_takes_no_other_machine():
    unseen = [("flavor",), ("image_id",)]
    plan, change = only(survey_of(*unseen, lacking=unseen, reinstall=frozenset({RECORD.address})))
    assert (change.action, [item.path for item in change.fields]) == (Action.REINSTALL, [("image_id",)])
    assert "unconfirmed" in codes(plan.findings)


def test_it_goes_with_another_system_that_comes_anyway():
    _, change = only(survey_of(("image_id",), ("key_pair_name",), lacking=[("image_id",)]))
    assert (change.action, [item.path for item in change.fields]) == (
        Action.REINSTALL,
        [("image_id",), ("key_pair_name",)],
    )


def test_another_system_that_comes_anyway_takes_no_other_machine():
    plan, change = only(survey_of(("flavor",), ("image_id",), lacking=[("flavor",)]))
    assert change.action is Action.REINSTALL
    assert ("flavor",) not in {item.path for item in change.fields}
    assert "unconfirmed" in codes(plan.findings)


def test_where_another_system_is_another_machine_it_is_held_all_the_same():
    lifecycle = Lifecycle(on_os_change=OnOsChange.REPLACE)
    assert only(survey_of(("image_id",), lacking=[("image_id",)], lifecycle=lifecycle))[1].action is Action.NO_OP


PREPAID_MONTHS = [PREPAID, PREPAID | {"period_type": "YEAR", "period_num": 2}]
POST_PAID = {"charging_mode": "POST_PAID", "period_type": "MONTH", "period_num": 1}


def become_prepaid(before, charging, **row):
    record = bought(wanted(**before))
    return only(surveyed(wanted(charging_info=charging), state=a_state(record), live=(shown(record, **row),)))


@pytest.mark.parametrize("charging", PREPAID_MONTHS, ids=["a month", "two years"])
@pytest.mark.parametrize("before", [{}, {"charging_info": POST_PAID}], ids=["left out", "declared"])
def test_another_charging_mode_is_held_with_its_term_where_the_row_shows_none(before, charging):
    plan, change = become_prepaid(before, charging, charging_info=None)
    assert (change.action, change.fields) == (Action.NO_OP, ())
    assert set(change.held) == {("charging_info", each) for each in ("charging_mode", "period_num", "period_type")}
    assert codes(plan.findings) == ["unconfirmed"]
    shows = become_prepaid(before, charging, charging_info={"charging_mode": "POST_PAID"})
    assert shows[1].action is Action.REPLACE


@pytest.mark.parametrize("observed", [{"charging_mode": "POST_PAID"}, {"status": "RUNNING"}], ids=["told", "silent"])
def test_what_a_row_shows_of_a_subscription_is_remembered_by_the_next_apply(observed):
    record = bought(wanted(), observed=observed)
    row = replace(shown(record, charging_info={"charging_mode": "PRE_PAID"}), observed={"charging_mode": "PRE_PAID"})
    plan = planned(surveyed(wanted(), state=a_state(record), live=(row,)))
    (entry,) = statements(plan)
    after = replay(a_state(record), [entry])
    assert not plan.work
    assert (KIND.billing.is_prepaid(record, None), KIND.billing.is_prepaid(after.resources[record.address], None)) == (
        False,
        True,
    )
    again = planned(surveyed(wanted(), state=after, live=(shown(record),)))
    assert (again.work, tuple(statements(again))) == ((), ())
    declaring = only(surveyed(wanted(charging_info=PREPAID), state=after, live=(shown(record),)))[1]
    assert declaring.action is Action.NO_OP


EARLIER = {
    ("resource_flavor",): ({"flavor": None, "resource_flavor": "R1"}, {"resource_flavor": "R1"}, "R2"),
    ("arch",): ({"arch": "X86"}, {"image": {"arch": "X86"}}, "ARM"),
    ("server_type",): ({"server_type": "ECS"}, {"cloud_server": {"type": "ECS"}}, "BMS"),
}


@pytest.mark.parametrize("path", EARLIER)
def test_what_an_earlier_row_has_shown_is_held_where_this_one_lacks_it(path):
    fields, observed, other = EARLIER[path]
    desired, hidden = wanted(**fields), bought(wanted(**fields))
    record = replace(hidden, observed=hidden.observed | observed)
    changed = replace(desired, fields=with_value(dict(desired.fields), path, other))
    bare, whole = shown(record), shown(record)
    bare = replace(bare, shown=with_value(bare.shown, path, None))
    assert only(surveyed(changed, state=a_state(record), live=(bare,)))[1].action is Action.NO_OP
    assert only(surveyed(changed, state=a_state(record), live=(whole,)))[1].action is Action.REPLACE
    assert only(surveyed(changed, state=a_state(hidden), live=(bare,)))[1].action is Action.REPLACE


@pytest.mark.parametrize("path", EARLIER)
def test_the_advice_leads_to_no_replacement_where_no_record_has_it(path):
    fields, observed, other = EARLIER[path]
    desired, hidden = wanted(**fields), bought(wanted(**fields))
    seen = replace(hidden, observed=hidden.observed | observed)
    for record, advice in ((hidden, f"name {path[0]} in lifecycle.ignore_changes"), (seen, "declare what is shown")):
        row = shown(record)
        row = replace(row, shown=with_value(row.shown, path, other))
        (finding,) = planned(surveyed(desired, state=a_state(record), live=(row,))).findings
        assert advice in finding.hint
        assert ("declare what is shown" in finding.hint) is (record is seen)


def test_a_server_without_a_row_of_its_own_is_no_case_of_it():
    survey = survey_of(("flavor",))
    assert codes(planned(replace(survey, live={})).findings) == ["vanished"]
