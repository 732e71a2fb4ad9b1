"""One change for every address: what it is, why, and what it is left alone for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.builders import a_state, an_address, an_intent
from support.planning_builders import (
    KIND,
    PREPAID,
    bought,
    codes,
    planned,
    settled,
    shown,
    surveyed,
    the_change,
    wanted,
)

from provisioner.model.action import Action, Reason
from provisioner.model.flow import Effect
from provisioner.model.plan import Mode
from provisioner.model.resource import Phase

GATEWAY = an_address("gateway")


def recorded_as(phase, *, wanted_now=True, row=None, replacing=False, **facts):
    """A survey of one server whose record stands in `phase`; `row` is its status in the cloud, None when it is gone."""
    record = bought(wanted(), phase=phase, **facts)
    live = (shown(record, row),) if row else ()
    return surveyed(
        *([wanted()] if wanted_now else []),
        state=a_state(record),
        live=live,
        replace=frozenset({GATEWAY} if replacing else ()),
    )


def test_what_is_wanted_and_unknown_is_bought():
    change = the_change(surveyed(wanted()))
    assert (change.action, change.reason, change.fields) == (Action.CREATE, None, ())
    assert change.after == KIND.redact(wanted().fields, lambda _: None)
    assert change.recorded is None


def test_a_change_carries_what_its_readers_need():
    change = the_change(surveyed(wanted(availability_zone="az1", userdata="aGk=")))
    assert change.sensitive == (("admin_pass",),)
    assert ("availability_zone",) in change.unverifiable
    assert ("network", "security_group_id") in change.unverifiable
    assert ("flavor",) not in change.unverifiable
    assert change.after["userdata"].keys() == {"sha256"}


def test_what_is_as_it_is_wanted_is_left_alone():
    plan = planned(settled(wanted("one"), wanted("two[0]", name="two-0")))
    assert [change.action for change in plan.changes] == [Action.NO_OP, Action.NO_OP]
    assert (plan.work, plan.findings, plan.refusals) == ((), (), ())


def test_a_new_name_is_an_update_in_place():
    record = bought(wanted())
    change = the_change(surveyed(wanted(name="portal"), state=a_state(record), live=(shown(record),)))
    assert (change.action, change.reason) == (Action.UPDATE, None)
    (field,) = change.fields
    assert (field.path, field.before, field.after) == (("name",), "gateway", "portal")
    assert not field.forces_replacement
    assert not field.drift


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"flavor": "Si2.large.8"}, ("flavor",)),
        ({"root_volume": {"size": 300}}, ("root_volume", "size")),
        ({"availability_zone": "az-2"}, ("availability_zone",)),
    ],
)
def test_any_other_field_forces_a_replacement_and_is_named(changed, path):
    record = bought(wanted(root_volume={"size": 200}, availability_zone="az-1"))
    change = the_change(surveyed(wanted(**changed), state=a_state(record), live=(shown(record),)))
    assert (change.action, change.reason) == (Action.REPLACE, Reason.CANNOT_UPDATE)
    changed_ = [(field.path, field.forces_replacement) for field in change.fields if field.after is not None]
    assert changed_ == [(path, True)]


def test_a_rename_beside_a_forcing_field_is_part_of_the_replacement():
    record = bought(wanted())
    survey = surveyed(wanted(name="portal", flavor="Si2.large.8"), state=a_state(record), live=(shown(record),))
    change = the_change(survey)
    assert change.action is Action.REPLACE
    assert [(field.path, field.forces_replacement) for field in change.fields] == [
        (("flavor",), True),
        (("name",), False),
    ]


def test_what_is_not_wanted_any_more_is_released():
    change = the_change(recorded_as(Phase.READY, wanted_now=False, row="RUNNING"))
    assert (change.action, change.reason, change.desired) == (Action.DELETE, Reason.NOT_IN_SPECS, None)


def test_destroy_releases_what_is_wanted_too_and_buys_nothing():
    survey = replace(recorded_as(Phase.READY, row="RUNNING"), desired=(wanted(), wanted("new")))
    change = the_change(survey, mode=Mode.DESTROY)
    assert (change.address, change.action, change.reason) == (GATEWAY, Action.DELETE, Reason.DESTROY)


@pytest.mark.parametrize("mode", [Mode.APPLY, Mode.DESTROY])
def test_what_is_gone_and_not_wanted_is_forgotten(mode):
    change = the_change(recorded_as(Phase.READY, wanted_now=False), mode=mode)
    assert (change.action, change.reason) == (Action.FORGET, Reason.VANISHED)


def test_a_release_that_came_through_is_forgotten_without_alarm():
    plan = planned(recorded_as(Phase.DELETING, wanted_now=False))
    (change,) = plan.changes
    assert (change.action, change.reason) == (Action.FORGET, Reason.UNDER_WAY)
    assert plan.findings == ()


def test_an_order_without_a_server_is_released_and_not_taken_for_gone():
    change = the_change(recorded_as(Phase.AWAITING_PAYMENT, wanted_now=False, id=None, order_id="CS1"))
    assert change.action is Action.DELETE


@pytest.mark.parametrize(
    ("phase", "facts", "row"),
    [
        (Phase.ORDERING, {"id": None, "order_id": "CS1"}, None),
        (Phase.AWAITING_PAYMENT, {"id": None, "order_id": "CS1"}, None),
        (Phase.CREATING, {}, "CREATING"),
        (Phase.CREATING, {}, "RUNNING"),
        (Phase.CREATING, {}, "CREATE_FAILED"),
        (Phase.AWAITING_PAYMENT, {"order_id": "CS1"}, "CREATING"),
    ],
)
def test_what_was_begun_is_gone_on_with(phase, facts, row):
    change = the_change(recorded_as(phase, row=row, **facts))
    assert (change.action, change.reason) == (Action.RESUME, Reason.UNDER_WAY)


def test_a_build_is_finished_before_its_fields_are_compared():
    record = bought(wanted(), phase=Phase.CREATING)
    change = the_change(surveyed(wanted(flavor="other"), state=a_state(record), live=(shown(record, "CREATING"),)))
    assert (change.action, change.fields) == (Action.RESUME, ())


@pytest.mark.parametrize("phase", [Phase.READY, Phase.CREATING, Phase.FAILED])
def test_a_vanished_server_is_drift_and_never_a_create(phase):
    plan = planned(recorded_as(phase))
    (change,) = plan.changes
    assert (change.action, change.reason) == (Action.NO_OP, Reason.VANISHED)
    assert codes(plan.findings) == ["vanished"]
    assert "--replace 'gateway'" in plan.findings[0].hint
    assert plan.work == ()


def test_what_is_gone_is_bought_again_and_not_counted_as_released():
    plan = planned(recorded_as(Phase.READY, replacing=True))
    (change,) = plan.work
    assert (change.vanished, plan.summary.add, plan.summary.destroy) == (True, 1, 0)
    there = planned(recorded_as(Phase.READY, replacing=True, row="RUNNING"))
    assert (there.work[0].vanished, there.summary.destroy) == (False, 1)
    released = planned(recorded_as(Phase.DELETING))
    assert (released.work[0].vanished, released.summary.destroy) == (True, 0)


def test_a_vanished_server_is_bought_again_when_a_person_names_it():
    change = the_change(recorded_as(Phase.READY, replacing=True))
    assert (change.action, change.reason) == (Action.REPLACE, Reason.REQUESTED)


def test_a_forgotten_server_is_told_to_be_forgotten():
    plan = planned(recorded_as(Phase.READY, wanted_now=False))
    assert codes(plan.findings) == ["vanished"]
    assert plan.findings[0].hint == "the plan would drop its record, which needs --allow vanished"


def test_a_server_that_is_as_wanted_is_replaced_when_a_person_names_it():
    change = the_change(recorded_as(Phase.READY, row="RUNNING", replacing=True))
    assert (change.action, change.reason, change.fields) == (Action.REPLACE, Reason.REQUESTED, ())


@pytest.mark.parametrize("status", ["CREATE_FAILED", "ERROR", "DELETING"])
def test_a_failed_server_is_told_about_and_not_bought_again(status):
    plan = planned(recorded_as(Phase.FAILED, row=status))
    assert plan.changes[0].action is Action.NO_OP
    assert codes(plan.findings) == ["failed"]
    assert "server id-of-gateway" in plan.findings[0].summary


def test_a_cancelled_order_is_told_about_and_not_repeated():
    plan = planned(recorded_as(Phase.FAILED, id=None, order_id="CS1"))
    assert plan.work == ()
    assert "order CS1" in plan.findings[0].summary


def test_a_failed_server_that_runs_after_all_is_gone_on_with():
    change = the_change(recorded_as(Phase.FAILED, row="RUNNING"))
    assert (change.action, change.reason) == (Action.RESUME, Reason.UNDER_WAY)


def test_a_failed_server_is_released_when_it_is_not_wanted_any_more():
    change = the_change(recorded_as(Phase.FAILED, wanted_now=False, row="CREATE_FAILED"))
    assert change.action is Action.DELETE


@pytest.mark.parametrize("row", ["DELETING", None])
def test_a_release_under_way_is_finished_before_the_server_is_bought_anew(row):
    change = the_change(recorded_as(Phase.DELETING, row=row))
    assert (change.action, change.reason) == (Action.REPLACE, Reason.UNDER_WAY)


@pytest.mark.parametrize("row", ["RUNNING", "STOPPED", "DELETE_FAILED", "ERROR"])
def test_a_release_that_is_not_seen_to_be_carried_out_is_told_and_not_gone_on_with(row):
    record = bought(wanted(), phase=Phase.DELETING)
    plan = planned(recorded_as(Phase.DELETING, row=row))
    (change,), (finding,) = plan.changes, plan.findings
    assert (change.action, change.reason, change.is_not_as_wanted) == (Action.NO_OP, Reason.BLOCKED, True)
    assert plan.work == ()
    assert finding.code == "release-not-seen"
    assert f"shows it with status {row}" in finding.summary
    for way in (
        "`provisioner state rm 'gateway'`",
        f"`provisioner import 'gateway' {record.id}`",
        "`provisioner apply --replace 'gateway'`",
        "`provisioner destroy --target 'gateway'`",
    ):
        assert way in finding.hint


def test_a_release_that_is_not_seen_is_gone_on_with_where_a_person_names_it():
    plan = planned(recorded_as(Phase.DELETING, row="RUNNING", replacing=True))
    assert (plan.changes[0].action, plan.changes[0].reason) == (Action.REPLACE, Reason.UNDER_WAY)
    assert "this plan releases it and buys another one" in plan.findings[0].detail


@pytest.mark.parametrize("survey", [{"row": "DELETING"}, {"row": None}, {"row": "RUNNING", "wanted_now": False}])
def test_nothing_is_told_of_a_release_that_goes_on_or_is_all_that_is_wanted(survey):
    assert planned(recorded_as(Phase.DELETING, **survey)).findings == ()


@pytest.mark.parametrize("status", ["CREATE_FAILED", "ERROR", "RUNNING", "STOP_FAILED"])
def test_a_release_says_whether_it_is_a_deletion_whatever_billing_knows(status):
    change = the_change(recorded_as(Phase.READY, wanted_now=False, row=status))
    assert (change.action, change.deleted_alone) == (Action.DELETE, status in {"CREATE_FAILED", "ERROR"})


@pytest.mark.parametrize("status", ["START_FAILED", "DELETE_FAILED", "ERROR", "DELETING"])
def test_a_bad_status_of_a_server_that_was_ready_is_told_and_nothing_else(status):
    plan = planned(recorded_as(Phase.READY, row=status))
    assert plan.work == ()
    assert codes(plan.findings) == ["adverse-status"]
    assert status in plan.findings[0].summary
    assert ("--replace" in plan.findings[0].hint) is (status != "DELETING"), (
        "what somebody releases is not replaced yet"
    )


@pytest.mark.parametrize("status", ["RUNNING", "STOPPED", "REBOOTING"])
def test_a_status_of_everyday_life_is_not_told(status):
    assert planned(recorded_as(Phase.READY, row=status)).findings == ()


def in_doubt(effect=Effect.PURCHASE, *records, desired=(), **rest):
    intent = an_intent("gateway", effect=effect)
    return surveyed(
        *desired, state=a_state(*records, intents={intent.id: intent}), live=tuple(map(shown, records)), **rest
    )


@pytest.mark.parametrize("desired", [(), (wanted(),)])
@pytest.mark.parametrize("mode", [Mode.APPLY, Mode.DESTROY])
def test_an_address_in_doubt_is_left_to_apply_and_never_bought(desired, mode):
    plan = planned(in_doubt(desired=desired), mode=mode)
    (change,) = plan.changes
    assert (change.action, change.reason, change.desired) == (
        Action.RESUME,
        Reason.IN_DOUBT,
        desired[0] if desired else None,
    )
    assert codes(plan.findings) == ["in-doubt"]


def test_the_calls_of_a_run_that_is_at_work_are_in_flight_and_not_in_doubt():
    assert codes(planned(in_doubt(at_work=True)).findings) == ["in-flight"]


def test_a_release_in_doubt_is_planned_again_by_what_is_recorded():
    plan = planned(in_doubt(Effect.DESTRUCTIVE, bought(wanted())))
    assert [change.action for change in plan.changes] == [Action.DELETE]
    assert codes(plan.findings) == ["unsettled"]


@pytest.mark.parametrize("effect", [one for one in Effect if one.is_journaled and one is not Effect.PURCHASE])
def test_only_a_purchase_is_in_doubt_and_whatever_else_is_open_keeps_no_address_from_being_bought(effect):
    """Apply has settled it by then: what is planned is what it will do."""
    plan = planned(in_doubt(effect, desired=(wanted(),)))
    assert ([change.action for change in plan.changes], codes(plan.findings)) == ([Action.CREATE], ["unsettled"])
    assert planned(in_doubt(effect)).changes == ()


RELEASE = Effect.DESTRUCTIVE


def an_open_release(*records, live=(), desired=(), **rest):
    intent = an_intent("gateway", effect=RELEASE, target_id="id-of-gateway")
    state = a_state(*records, intents={intent.id: intent})
    return surveyed(*desired, state=state, live=live, **rest)


@pytest.mark.parametrize("desired", [(), (wanted(),)])
def test_a_release_whose_server_is_not_listed_any_more_has_happened(desired):
    """As the next apply settles it: neither a loss nor a reason to ask a person."""
    plan = planned(an_open_release(bought(wanted()), desired=desired))
    assert [change.action for change in plan.changes] == [Action.CREATE for _ in desired]
    assert (codes(plan.findings), plan.refusals) == (["unsettled"], ())
    assert "the next apply records it as released" in plan.findings[0].detail


def test_one_that_is_being_released_is_waited_for():
    record = bought(wanted())
    row = replace(shown(record), status="DELETING")
    (change,) = planned(an_open_release(record, live=(row,))).changes
    assert change.recorded.phase is Phase.DELETING


def test_nothing_is_concluded_while_the_run_that_sent_it_is_alive_or_where_another_server_has_the_address():
    assert "vanished" in codes(planned(an_open_release(bought(wanted()), at_work=True)).findings)
    another = bought(wanted(), id="another")
    assert [one.action for one in planned(an_open_release(another, live=(shown(another),))).changes] == [Action.DELETE]


def test_a_lost_release_that_named_no_server_says_nothing_of_one_that_is_only_ordered():
    """Both are without an id: that is no reason to take the one for gone."""
    ordered = replace(bought(wanted()), phase=Phase.ORDERING, id=None, order_id="CS1", observed={})
    release = an_intent("gateway", effect=Effect.DESTRUCTIVE, target_id=None)
    (change,) = planned(surveyed(wanted(), state=a_state(ordered, intents={release.id: release}))).changes
    assert (change.action, change.recorded) == (Action.RESUME, ordered)


def test_what_went_with_its_order_is_being_released_and_not_lost():
    prepaid = {"charging_info": PREPAID}
    gone = replace(bought(wanted(**prepaid)), order_id="CS1")
    other = replace(bought(wanted("edge", **prepaid)), order_id="CS1")
    plan = planned(an_open_release(gone, other))
    assert [(str(one.address), one.recorded.phase) for one in plan.changes] == [("edge", Phase.DELETING)]
    assert "vanished" not in codes(plan.findings)


def test_changes_come_in_the_order_of_their_addresses():
    names = ["b", "a[10]", "a[2]", 'a["x"]', "module.m.a", "a"]
    plan = planned(surveyed(*(wanted(name) for name in names)))
    assert [str(change.address) for change in plan.changes] == ["a", "a[2]", "a[10]", 'a["x"]', "b", "module.m.a"]


def test_the_first_plan_knows_no_state():
    plan = planned(surveyed())
    assert (plan.changes, plan.findings, plan.refusals) == ((), (), ())


def test_a_rename_whose_reply_was_lost_is_made_once_more_so_that_it_gets_recorded():
    record = bought(wanted(name="old"))
    survey = surveyed(
        wanted(name="new"),
        state=a_state(record),
        live=(shown(replace(record, declared={**record.declared, "name": "new"})),),
    )
    (change,) = planned(survey).changes
    assert change.action is Action.UPDATE
    assert [(field.path, field.before, field.after) for field in change.fields] == [(("name",), "old", "new")]


def charging_of(change) -> dict[str, tuple[object, object]]:
    return {one.path[-1]: (one.before, one.after) for one in change.charging}


def test_a_replacement_says_how_both_servers_are_paid_for_even_where_nothing_changes():
    same = replaced_by_name(wanted(charging_info=PREPAID), PREPAID)
    assert charging_of(same)["charging_mode"] == ("PRE_PAID", "PRE_PAID")
    assert charging_of(same)["period_num"] == (1, 1)
    hourly = PREPAID | {"charging_mode": "POST_PAID"}
    assert charging_of(replaced_by_name(wanted(charging_info=hourly), PREPAID)) == {
        "charging_mode": ("PRE_PAID", "POST_PAID"),
        "is_auto_pay": (True, None),
        "is_auto_renew": (False, None),
        "period_num": (1, None),
        "period_type": ("MONTH", None),
    }


def test_a_replacement_shows_a_mode_that_only_the_row_tells():
    """Nothing of it is declared: it was turned into a subscription in the console, and comes back otherwise."""
    change = replaced_by_name(wanted(), None, charging_mode="PRE_PAID")
    assert charging_of(change)["charging_mode"][0] == "PRE_PAID"
    assert charging_of(change)["charging_mode"][1] != "PRE_PAID"


def replaced_by_name(desired, charging, **observed):
    recorded = bought(wanted(charging_info=charging))
    recorded = replace(recorded, observed={**recorded.observed, **observed})
    named = frozenset({desired.address})
    change = the_change(surveyed(desired, state=a_state(recorded), live=(shown(recorded),), replace=named))
    assert change.action is Action.REPLACE
    return change
