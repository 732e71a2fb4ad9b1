"""A refresh: what the cloud has otherwise than it is recorded, as a plan that only writes it down."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from support.builders import a_state, an_address, an_intent
from support.planning_builders import (
    KIND,
    NETWORK,
    OTHER_IMAGE,
    PREPAID,
    bought,
    codes,
    planned,
    refreshed,
    settled,
    shown,
    surveyed,
    wanted,
)
from support.planning_strategies import surveys

from provisioner.model.action import Action, Reason
from provisioner.model.change import Change
from provisioner.model.field_rule import OnChange
from provisioner.model.flow import Effect
from provisioner.model.marker import add_marker
from provisioner.model.plan import Mode
from provisioner.model.resource import Lifecycle, Phase, Recorded
from provisioner.model.state import Member

GATEWAY = bought(wanted())


def the_refresh(*live: Any, recorded: Recorded = GATEWAY, desired: Any = wanted()) -> Change:  # noqa: B008 - frozen
    survey = surveyed(*([desired] if desired else []), state=a_state(recorded), live=live)
    (change,) = refreshed(survey).changes
    return change


def told(change: Change) -> dict[str, tuple[Any, Any]]:
    return {".".join(item.path): (item.before, item.after) for item in change.fields}


def test_what_is_as_recorded_is_left_alone():
    plan = refreshed(settled(wanted(), wanted("trainer[0]")))
    assert (plan.work, plan.findings, plan.mode) == ((), (), Mode.REFRESH)


@pytest.mark.parametrize(
    ("differing", "path", "before", "after"),
    [
        ({"name": "renamed"}, "name", "gateway", "renamed"),
        ({"flavor": "Si2.xlarge.4"}, "flavor", "Si2.large.4", "Si2.xlarge.4"),
        ({"image_id": OTHER_IMAGE}, "image_id", wanted().fields["image_id"], OTHER_IMAGE),
        ({"key_pair_name": "theirs"}, "key_pair_name", "ops", "theirs"),
        (
            {"network": {"vpc_id": NETWORK["subnet_id"], "subnet_id": NETWORK["subnet_id"]}},
            "network.vpc_id",
            NETWORK["vpc_id"],
            NETWORK["subnet_id"],
        ),
    ],
)
def test_a_shown_field_that_was_changed_outside_is_recorded_where_mending_it_costs_nothing(
    differing, path, before, after
):
    """Unchanged specs would else look like a change to the next apply, and wipe a disk or buy another machine."""
    change = the_refresh(shown(GATEWAY, **differing))
    assert change.action is Action.RECORD
    assert told(change) == {path: (before, after)}
    assert all(item.drift for item in change.fields)
    value: Any = change.after
    for step in path.split("."):
        value = value[step]
    assert value == (after if path == "name" else before)


@pytest.mark.parametrize(
    "differing", [{"flavor": "Si2.xlarge.4"}, {"image_id": OTHER_IMAGE}, {"key_pair_name": "theirs"}]
)
def test_after_a_refresh_unchanged_specs_neither_wipe_nor_replace(differing):
    survey = surveyed(wanted(), state=a_state(GATEWAY), live=(shown(GATEWAY, **differing),))
    (change,) = refreshed(survey).work
    recorded = replace(GATEWAY, declared=change.after, observed=change.observed)
    after = replace(survey, state=replace(survey.state, resources={recorded.address: recorded}))
    assert [one.action for one in planned(after).changes] == [Action.NO_OP]
    assert [one.code for one in planned(after).findings] == ["unconfirmed"]


@pytest.mark.parametrize("status", ["STOPPED", "ERROR", "STOP_FAILED", "DELETING"])
def test_a_status_is_drift(status):
    change = the_refresh(shown(GATEWAY, status))
    assert told(change) == {"status": ("RUNNING", status)}
    assert change.observed is not None
    assert change.observed["status"] == status
    assert change.after == GATEWAY.declared


def test_a_declared_power_that_drifted_is_told_once_and_its_status_recorded_with_it():
    recorded = bought(wanted(power="running"))
    change = the_refresh(
        shown(recorded, "STOPPED", power="stopped"), recorded=recorded, desired=wanted(power="running")
    )
    assert told(change) == {"power": ("running", "stopped")}
    assert change.observed is not None
    assert change.observed["status"] == "STOPPED"


def test_a_status_that_is_more_than_its_power_is_told_beside_it():
    recorded = bought(wanted(power="stopped"))
    row = shown(recorded, "STOP_FAILED", power="running")
    recorded = replace(recorded, observed={"status": "STOPPED"})
    assert told(the_refresh(row, recorded=recorded, desired=wanted(power="stopped"))) == {
        "power": ("stopped", "running"),
        "status": ("STOPPED", "STOP_FAILED"),
    }


def test_a_status_in_error_is_a_finding_as_well():
    survey = surveyed(wanted(), state=a_state(GATEWAY), live=(shown(GATEWAY, "ERROR"),))
    assert codes(refreshed(survey).findings) == ["adverse-status"]


def test_a_server_that_turned_prepaid_is_drift_though_no_spec_says_how_it_is_charged():
    recorded = replace(GATEWAY, observed={"status": "RUNNING", "charging_mode": "POST_PAID"})
    row = replace(shown(recorded), observed={"status": "RUNNING", "charging_mode": "PRE_PAID"})
    change = the_refresh(row, recorded=recorded)
    assert told(change) == {"charging_info.charging_mode": ("POST_PAID", "PRE_PAID")}
    assert change.after == recorded.declared


def test_a_declared_way_of_charging_is_told_once():
    desired = wanted(charging_info=PREPAID)
    recorded = bought(desired)
    row = replace(
        shown(recorded, charging_info={"charging_mode": "POST_PAID"}),
        observed={"status": "RUNNING", "charging_mode": "POST_PAID"},
    )
    assert told(the_refresh(row, recorded=recorded, desired=desired)) == {
        "charging_info.charging_mode": ("PRE_PAID", "POST_PAID")
    }


def test_an_address_that_shows_for_the_first_time_is_recorded():
    row = replace(shown(GATEWAY), observed={"status": "RUNNING", "endpoints": [{"uri": "192.168.0.7"}]})
    assert told(the_refresh(row)) == {"private_addresses": (None, ["192.168.0.7"])}


def test_no_public_address_is_news_only_where_there_was_one():
    row = replace(shown(GATEWAY), observed={"status": "RUNNING", "public_ips": []})
    assert the_refresh(row).action is Action.NO_OP
    recorded = replace(GATEWAY, observed={"status": "RUNNING", "public_ips": [{"address": "80.1.2.3"}]})
    assert told(the_refresh(row, recorded=recorded)) == {"public_addresses": (["80.1.2.3"], [])}


def test_what_the_cloud_leaves_out_tells_nothing():
    recorded = replace(GATEWAY, observed={"status": "RUNNING", "endpoints": [{"uri": "192.168.0.7"}]})
    row = replace(shown(recorded), shown={}, observed={"status": "RUNNING"})
    assert the_refresh(row, recorded=recorded).action is Action.NO_OP


def test_what_was_seen_otherwise_stays_recorded_where_the_list_leaves_it_out():
    recorded = replace(GATEWAY, observed={"status": "RUNNING", "public_ips": [{"id": "1", "address": "80.1.2.3"}]})
    row = replace(shown(recorded), observed={"status": "STOPPED"})
    change = the_refresh(row, recorded=recorded)
    assert change.observed == {"status": "STOPPED", "public_ips": [{"id": "1", "address": "80.1.2.3"}]}


def test_times_alone_are_no_drift():
    recorded = replace(GATEWAY, observed={"status": "RUNNING", "update_at": 1})
    row = replace(shown(recorded), observed={"status": "RUNNING", "update_at": 2})
    assert the_refresh(row, recorded=recorded).action is Action.NO_OP


def test_accepted_noise_is_left_out_and_the_rest_is_told():
    desired = replace(wanted(), lifecycle=Lifecycle(ignore_changes=(("image_id",), ("status",))))
    change = the_refresh(shown(GATEWAY, "STOPPED", image_id=OTHER_IMAGE, name="renamed"), desired=desired)
    assert told(change) == {"name": ("gateway", "renamed")}
    assert change.after == {**GATEWAY.declared, "name": "renamed"}


@pytest.mark.parametrize(("status", "power", "is_drift"), [("STOPPED", "stopped", False), ("ERROR", None, True)])
def test_accepting_the_power_accepts_the_status_that_comes_of_it_and_no_other(status, power, is_drift):
    desired = replace(wanted(), lifecycle=Lifecycle(ignore_changes=(("power",),)))
    change = the_refresh(shown(GATEWAY, status, power=power), desired=desired)
    assert (change.action is Action.RECORD) == is_drift


def test_of_attached_volumes_only_those_that_were_declared_can_be_missing():
    desired = wanted(volumes=["one", "two"])
    recorded = bought(desired)
    assert (
        the_refresh(shown(recorded, volumes=["two", "one", "theirs"]), recorded=recorded, desired=desired).fields == ()
    )
    change = the_refresh(shown(recorded, volumes=["two", "theirs"]), recorded=recorded, desired=desired)
    assert told(change) == {"volumes": (["one", "two"], ["two"])}


def test_a_change_that_is_half_way_is_apply_s_business():
    recorded = replace(GATEWAY, pending={"power": "running"})
    change = the_refresh(shown(recorded, "STOPPED"), recorded=recorded)
    assert (change.action, change.reason) == (Action.NO_OP, Reason.UNDER_WAY)


def test_only_accepted_noise_is_no_drift():
    desired = replace(wanted(), lifecycle=Lifecycle(ignore_changes=(("image_id",),)))
    assert the_refresh(shown(GATEWAY, image_id=OTHER_IMAGE), desired=desired).action is Action.NO_OP


def test_a_server_that_is_wanted_and_gone_stays_recorded_so_that_no_apply_buys_it_unasked():
    change = the_refresh()
    assert (change.action, change.reason) == (Action.RECORD, Reason.VANISHED)
    assert told(change) == {"status": ("RUNNING", "DELETED")}
    assert change.is_gone
    after = replace(GATEWAY, declared=change.after, observed=change.observed)
    survey = surveyed(wanted(), state=a_state(after))
    again = refreshed(survey)
    assert (again.work, codes(again.findings)) == ((), ["vanished"])
    (next_change,) = planned(survey).changes
    assert (next_change.action, next_change.reason) == (Action.NO_OP, Reason.VANISHED)


def test_what_is_gone_and_not_wanted_stays_recorded_too():
    """Its address may be about to move, or to come back; apply forgets it, and says so."""
    change = the_refresh(desired=None)
    assert (change.action, change.reason) == (Action.RECORD, Reason.VANISHED)
    after = replace(GATEWAY, declared=change.after, observed=change.observed)
    (next_change,) = planned(surveyed(state=a_state(after))).changes
    assert next_change.action is Action.FORGET


def test_a_release_that_came_to_its_end_is_not_forgotten_while_it_is_wanted():
    """Else a prepaid one would be bought anew without its address being named."""
    change = the_refresh(recorded=replace(GATEWAY, phase=Phase.DELETING))
    assert (change.action, change.reason) == (Action.RECORD, Reason.UNDER_WAY)


@pytest.mark.parametrize("phase", [Phase.ORDERING, Phase.CREATING, Phase.AWAITING_PAYMENT])
def test_what_is_under_way_is_apply_s_business(phase):
    recorded = replace(GATEWAY, phase=phase, observed={})
    change = the_refresh(shown(recorded, "CREATING"), recorded=recorded)
    assert (change.action, change.reason) == (Action.NO_OP, Reason.UNDER_WAY)


def test_a_failed_server_that_runs_is_recorded_as_running_and_stays_failed_for_apply_to_resume():
    recorded = replace(GATEWAY, phase=Phase.FAILED, observed={"status": "CREATE_FAILED"})
    change = the_refresh(shown(recorded, "RUNNING"), recorded=recorded)
    assert told(change) == {"status": ("CREATE_FAILED", "RUNNING")}


def test_a_doubt_is_told_and_not_looked_for():
    intent = an_intent("gateway", name="gateway", declared={"name": "gateway"})
    plan = refreshed(surveyed(wanted(), state=a_state(intents={intent.id: intent})))
    (change,) = plan.changes
    assert (change.action, change.reason) == (Action.NO_OP, Reason.IN_DOUBT)
    assert plan.left_in_doubt
    assert codes(plan.findings) == ["in-doubt"]


@pytest.mark.parametrize("effect", [one for one in Effect if one.is_journaled and one is not Effect.PURCHASE])
def test_a_server_about_which_another_call_is_open_is_under_way_and_not_in_doubt(effect):
    intent = an_intent("gateway", effect=effect)
    plan = refreshed(surveyed(wanted(), state=a_state(GATEWAY, intents={intent.id: intent}), live=(shown(GATEWAY),)))
    assert [(change.action, change.reason) for change in plan.changes] == [(Action.NO_OP, Reason.UNDER_WAY)]
    assert (plan.left_in_doubt, codes(plan.findings)) == (False, ["unsettled"])


def test_a_name_under_our_marker_is_the_end_of_its_purchase():
    state = a_state(GATEWAY)
    name = add_marker("gateway", lineage=state.lineage, salt=b"12345678", longest=64)
    assert the_refresh(shown(GATEWAY, name=name)).action is Action.NO_OP


def test_servers_that_stand_in_no_state_are_swept():
    stray = shown(bought(wanted(), id="stray"))
    plan = refreshed(surveyed(wanted(), state=a_state(GATEWAY), live=(shown(GATEWAY), stray)))
    assert (plan.work, codes(plan.findings)) == ((), ["namesake"])


def test_before_the_first_apply_there_is_nothing_to_compare():
    assert refreshed(surveyed(wanted())).changes == ()


@given(surveys())
def test_a_refresh_buys_changes_and_releases_nothing_whatever_is_found(survey):
    plan = refreshed(survey)
    assert {change.action for change in plan.changes} <= {Action.NO_OP, Action.RECORD}
    assert plan.not_as_wanted == ()


@given(surveys())
def test_what_was_recorded_is_no_drift_any_more(survey):
    """But for what would cost a disk or a machine to be put back, which stays drift. And the next apply does nothing because of it that it would not have done before; a change that was made by somebody
    else in the meantime, as the specs want it, need not be made again.
    """
    plan = refreshed(survey)
    resources = dict(survey.state.resources) if survey.state else {}
    for change in plan.work:
        resources[change.address] = replace(resources[change.address], declared=change.after, observed=change.observed)
    if survey.state is None:
        return
    after = replace(survey, state=replace(survey.state, resources=resources))
    left = {item.path for change in refreshed(after).work for item in change.fields}
    assert all(KIND.rule(path).on_change in {OnChange.REINSTALL, OnChange.REPLACE} for path in left)
    before = {change.address: change.action for change in planned(survey).changes}
    for change in planned(after).changes:
        assert change.action in {before[change.address], Action.NO_OP}


def test_a_doubt_about_several_is_told_of_each_of_them():
    members = tuple(Member(an_address(f"trainer[{rank}]"), f"trainer-{rank}") for rank in range(2))
    intent = an_intent("trainer[0]", members=members)
    plan = refreshed(surveyed(state=a_state(intents={intent.id: intent})))
    assert [(str(one.address), one.reason) for one in plan.changes] == [
        ("trainer[0]", Reason.IN_DOUBT),
        ("trainer[1]", Reason.IN_DOUBT),
    ]
