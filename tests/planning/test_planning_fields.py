"""Which differences count: what the cloud shows, what only the state holds, what nobody can see."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.builders import a_state
from support.planning_builders import (
    NETWORK,
    OTHER_IMAGE,
    PASSWORD,
    PREPAID,
    bought,
    planned,
    shown,
    surveyed,
    the_change,
    unknown_fingerprint,
    wanted,
)

from provisioner.model.action import Action
from provisioner.model.resource import Lifecycle, OnOsChange


def compared(desired, record, row=None, **rest):
    return the_change(surveyed(desired, state=a_state(record), live=(row or shown(record),)), **rest)


def test_a_rename_in_the_console_is_drift_and_is_renamed_back():
    record = bought(wanted())
    change = compared(wanted(), record, shown(record, name="theirs"))
    (field,) = change.fields
    assert change.action is Action.UPDATE
    assert (field.path, field.before, field.after, field.drift) == (("name",), "theirs", "gateway", True)


def test_a_name_that_the_cloud_shows_in_another_case_is_no_difference_and_one_that_the_specs_write_so_is():
    record = bought(wanted())
    row = shown(record, name="GATEWAY")
    assert compared(wanted(), record, row).action is Action.NO_OP
    renamed = compared(replace(wanted(), fields={**wanted().fields, "name": "Gateway"}), record, row)
    assert (renamed.action, [field.path for field in renamed.fields]) == (Action.UPDATE, [("name",)])


def drifted(desired, *, reinstall=False, **row):
    """The plan of a server whose record is as its specs, and whose row is not."""
    record = bought(desired)
    named = frozenset({record.address}) if reinstall else frozenset()
    survey = surveyed(desired, state=a_state(record), live=(shown(record, **row),))
    return planned(replace(survey, reinstall=named))


@pytest.mark.parametrize(
    "row",
    [
        {"flavor": "SI2.LARGE.4"},
        {"image_id": OTHER_IMAGE},
        {"key_pair_name": "theirs"},
        {"network": {**NETWORK, "subnet_id": "another"}},
        {"charging_info": {"charging_mode": "PRE_PAID"}},
    ],
)
@pytest.mark.parametrize("on_os_change", OnOsChange)
def test_nothing_is_wiped_or_bought_again_because_of_what_a_row_shows(row, on_os_change):
    desired = replace(
        wanted(charging_info={"charging_mode": "POST_PAID"}), lifecycle=Lifecycle(on_os_change=on_os_change)
    )
    plan = drifted(desired, **row)
    assert [change.action for change in plan.changes] == [Action.NO_OP]
    assert [finding.code for finding in plan.findings] == ["unconfirmed"]


def test_what_is_changed_in_place_is_mended_beside_it():
    (change,) = drifted(wanted(), image_id=OTHER_IMAGE, name="theirs").changes
    assert (change.action, [item.path for item in change.fields]) == (Action.UPDATE, [("name",)])


def test_a_person_who_names_the_address_has_it_reinstalled():
    plan = drifted(wanted(), image_id=OTHER_IMAGE, reinstall=True)
    (change,) = plan.changes
    assert (change.action, [item.path for item in change.fields]) == (Action.REINSTALL, [("image_id",)])
    assert "unconfirmed" not in {finding.code for finding in plan.findings}


def test_naming_an_address_reinstalls_nothing_that_is_as_declared_and_replaces_nothing():
    assert drifted(wanted(), reinstall=True).changes[0].action is Action.NO_OP
    assert drifted(wanted(), flavor="Si2.large.8", reinstall=True).changes[0].action is Action.NO_OP


@pytest.mark.parametrize("status", ["CHANGINGOS_FAILED", "REINSTALLINGOS_FAILED"])
def test_a_system_that_could_not_be_put_on_is_put_on_again_by_name_only(status):
    record = bought(wanted())
    survey = surveyed(wanted(), state=a_state(record), live=(replace(shown(record), status=status),))
    left = planned(survey)
    assert (left.changes[0].action, [finding.code for finding in left.findings]) == (Action.NO_OP, ["adverse-status"])
    assert f"--reinstall '{record.address}'" in left.findings[0].hint
    (change,) = planned(replace(survey, reinstall=frozenset({record.address}))).changes
    assert change.action is Action.REINSTALL
    assert ("image_id",) in [item.path for item in change.fields]


BASELINE = {"flavor": "SI2.LARGE.4", "network": {"subnet_id": "SUBNET"}}


@pytest.mark.parametrize(
    ("fields", "row", "action", "codes"),
    [
        ({}, {"flavor": "SI2.LARGE.4"}, Action.NO_OP, []),
        ({}, {"network": {**NETWORK, "subnet_id": "SUBNET"}}, Action.NO_OP, []),
        ({}, {}, Action.NO_OP, []),
        ({}, {"flavor": "si2.large.4"}, Action.NO_OP, ["unconfirmed"]),
        ({"flavor": "SI2.LARGE.4"}, {"flavor": "SI2.LARGE.4"}, Action.NO_OP, []),
        ({"flavor": "Si2.xlarge.4"}, {"flavor": "SI2.LARGE.4"}, Action.REPLACE, []),
    ],
)
def test_a_row_is_compared_with_the_first_one_after_our_own_purchase(fields, row, action, codes):
    record = bought(wanted(), baseline=BASELINE)
    plan = planned(surveyed(wanted(**fields), state=a_state(record), live=(shown(record, **row),)))
    assert ([one.action for one in plan.changes], [one.code for one in plan.findings]) == ([action], codes)


def test_specs_that_follow_the_drift_are_recorded_and_then_end_it():
    record = bought(wanted())
    followed = wanted(name="theirs")
    assert compared(followed, record, shown(record, name="theirs")).action is Action.UPDATE
    caught_up = bought(followed)
    assert compared(followed, caught_up, shown(caught_up)).action is Action.NO_OP


@pytest.mark.parametrize(
    ("declared", "shown_", "action"),
    [
        (False, True, Action.UPDATE),
        (True, False, Action.UPDATE),
        (True, True, Action.NO_OP),
        (False, None, Action.NO_OP),
        (None, True, Action.NO_OP),
        (None, None, Action.NO_OP),
    ],
)
def test_a_renewal_that_was_switched_in_the_console_is_switched_back_in_place(declared, shown_, action):
    """What the specs leave out is nobody's difference; what billing was not asked about is taken as it was."""
    charging = {key: value for key, value in {**PREPAID, "is_auto_renew": declared}.items() if value is not None}
    desired = wanted(charging_info=charging)
    record = bought(desired)
    seen = {"charging_mode": "PRE_PAID"} | ({} if shown_ is None else {"is_auto_renew": shown_})
    change = compared(desired, record, shown(record, charging_info=seen))
    assert change.action is action
    assert all(field.drift for field in change.fields)


@pytest.mark.parametrize(("declared", "action"), [(False, Action.NO_OP), (True, Action.UPDATE)])
def test_a_renewal_that_is_left_out_by_now_is_a_change_only_where_it_was_on(declared, action):
    record = bought(wanted(charging_info={**PREPAID, "is_auto_renew": declared}))
    assert compared(wanted(charging_info=without_renewal()), record).action is action


def without_renewal():
    return {key: value for key, value in PREPAID.items() if key != "is_auto_renew"}


@pytest.mark.parametrize(("before", "after"), [(True, False), (False, True), (True, None), (None, True)])
def test_how_an_order_was_to_be_paid_is_no_difference_for_a_server_that_is_there(before, after):
    def charged(flag):
        return {key: value for key, value in {**PREPAID, "is_auto_pay": flag}.items() if value is not None}

    record = bought(wanted(charging_info=charged(before)))
    assert compared(wanted(charging_info=charged(after)), record).action is Action.NO_OP
    change = compared(wanted(charging_info={**charged(after), "period_num": 9}), record)
    assert [field.path for field in change.fields] == [("charging_info", "period_num")]


def test_a_nested_field_drifts_by_itself():
    record = bought(wanted())
    row = shown(record, network={**NETWORK, "subnet_id": "another"})
    (found,) = planned(surveyed(wanted(), state=a_state(record), live=(row,))).findings
    assert "network.subnet_id is 'another'" in found.summary
    assert "vpc_id" not in found.summary


@pytest.mark.parametrize("unshown", ["flavor", "image_id", "key_pair_name", "network", "charging_info"])
def test_what_the_row_leaves_out_is_nobodys_difference(unshown):
    record = bought(wanted(charging_info=PREPAID))
    row = shown(record)
    row = replace(row, shown={key: value for key, value in row.shown.items() if key != unshown})
    assert compared(wanted(charging_info=PREPAID), record, row).action is Action.NO_OP


def test_what_the_cloud_shows_unasked_is_nobodys_difference():
    record = bought(wanted())
    row = shown(record, charging_info={"charging_mode": "PRE_PAID"}, resource_flavor="rf")
    assert compared(wanted(), record, row).action is Action.NO_OP


def test_hidden_fields_are_compared_with_what_was_sent():
    record = bought(wanted(root_volume={"type": "SSD", "size": 200}, userdata="aGk="))
    same = wanted(root_volume={"size": 200, "type": "SSD"}, userdata="aGk=")
    assert compared(same, record).action is Action.NO_OP
    change = compared(wanted(root_volume={"type": "SSD", "size": 200}, userdata="eW8="), record)
    (field,) = change.fields
    assert field.path == ("userdata",)
    assert field.before.keys() == field.after.keys() == {"sha256"}


def test_a_changed_password_is_installed_and_is_never_shown():
    record = bought(wanted(admin_pass=PASSWORD, key_pair_name=None))
    change = compared(wanted(admin_pass=PASSWORD, key_pair_name=None), record, fingerprint=lambda _: "another")
    (field,) = change.fields
    assert change.action is Action.REINSTALL
    assert (field.path, field.sensitive, field.reinstalls) == (("admin_pass",), True, True)


def test_a_password_that_cannot_be_read_here_is_taken_as_unchanged():
    record = bought(wanted(admin_pass=PASSWORD, key_pair_name=None))
    change = compared(wanted(admin_pass=PASSWORD, key_pair_name=None), record, fingerprint=unknown_fingerprint)
    assert change.action is Action.NO_OP
    assert change.after["admin_pass"] == record.declared["admin_pass"]


def test_a_password_in_place_of_a_key_is_a_change_even_when_it_cannot_be_read():
    change = compared(
        wanted(admin_pass=PASSWORD, key_pair_name=None), bought(wanted()), fingerprint=unknown_fingerprint
    )
    assert change.action is Action.REINSTALL
    assert [field.path for field in change.fields] == [("admin_pass",), ("key_pair_name",)]


@pytest.mark.parametrize(
    ("ignored", "changed"),
    [
        (("image_id",), {"image_id": OTHER_IMAGE}),
        (("root_volume",), {"root_volume": {"type": "SSD", "size": 100}}),
        (("root_volume", "size"), {"root_volume": {"size": 100}}),
        (("name",), {"name": "portal"}),
    ],
)
def test_an_ignored_field_and_all_below_it_are_no_difference(ignored, changed):
    desired = replace(wanted(**changed), lifecycle=Lifecycle(ignore_changes=(ignored,)))
    assert compared(desired, bought(wanted())).action is Action.NO_OP


def test_ignoring_one_field_hides_no_other():
    desired = replace(wanted(name="portal", image_id=OTHER_IMAGE), lifecycle=Lifecycle(ignore_changes=(("image_id",),)))
    change = compared(desired, bought(wanted()))
    assert [field.path for field in change.fields] == [("name",)]


def test_labels_are_kept_in_the_state_and_change_there():
    record = bought(wanted(), labels={"team": "vision", "old": "1"})
    change = compared(replace(wanted(), labels={"team": "speech", "__new": "2"}), record)
    assert change.action is Action.UPDATE
    assert [(field.path, field.before, field.after) for field in change.fields] == [
        (("labels", "__new"), None, "2"),
        (("labels", "old"), "1", None),
        (("labels", "team"), "vision", "speech"),
    ]


@pytest.mark.parametrize("protect", [True, False])
def test_protection_is_recorded_when_it_is_turned_on_or_off(protect):
    desired = replace(wanted(), lifecycle=Lifecycle(prevent_destroy=protect))
    change = compared(desired, bought(wanted(), protected=not protect))
    (field,) = change.fields
    assert change.action is Action.UPDATE
    assert (field.path, field.before, field.after) == (("lifecycle", "prevent_destroy"), not protect, protect)


def test_a_charging_mode_that_was_sold_otherwise_is_drift():
    record = bought(wanted(charging_info=PREPAID))
    row = shown(record, charging_info={"charging_mode": "POST_PAID"})
    plan = planned(surveyed(wanted(charging_info=PREPAID), state=a_state(record), live=(row,)))
    assert "charging_info.charging_mode" in str([found.summary for found in plan.findings])
    assert plan.changes[0].action is Action.NO_OP


def test_no_plan_holds_a_secret_or_content():
    desired = wanted(admin_pass=PASSWORD, key_pair_name=None, userdata="c2VjcmV0IHRleHQ=")
    plan = planned(surveyed(desired))
    assert "c2VjcmV0IHRleHQ=" not in str(plan.changes[0].after)
    assert "PASSWORD" not in str(plan.changes[0].after["admin_pass"].get("value", ""))


def test_a_named_reinstallation_believes_no_other_spelling():
    """The first row showed the image that the specs want by now, so that both count as one: only a person can tell."""
    record = bought(wanted(image_id=OTHER_IMAGE), baseline={"image_id": wanted().fields["image_id"]})
    survey = surveyed(
        wanted(image_id=OTHER_IMAGE), state=a_state(record), live=(shown(record, image_id=wanted().fields["image_id"]),)
    )
    assert planned(survey).changes[0].action is Action.NO_OP
    (change,) = planned(replace(survey, reinstall=frozenset({record.address}))).changes
    assert (change.action, ("image_id",) in [item.path for item in change.fields]) == (Action.REINSTALL, True)
