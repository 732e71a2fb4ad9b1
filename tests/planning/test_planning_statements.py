"""What stating a value of a server that is there means, and taking its line out again, for every field that a spec may have."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.builders import a_state
from support.planning_builders import (
    KIND,
    NETWORK,
    OTHER_IMAGE,
    PASSWORD,
    PREPAID,
    bought,
    planned,
    shown,
    surveyed,
    the_change,
    wanted,
)

from provisioner.model.action import Action
from provisioner.model.redaction import leaves
from provisioner.model.resource import Lifecycle, OnOsChange

VOLUME = "00000001-0000-4000-8000-000000000000"
PAY_PER_USE = {"charging_mode": "POST_PAID", "period_type": "MONTH", "period_num": 1}
ALL_AT_ONCE = {
    "enterprise_project_id": "0",
    "network": {**NETWORK, "ipv6_enable": False, "allowed_address_pairs": []},
    "charging_info": PAY_PER_USE | {"is_auto_pay": False, "is_auto_renew": False},
    "userdata": "",
    "volumes": [],
    "public_ips": [],
    "root_volume": {},
}


def network(**more):
    return {"network": {**NETWORK, **more}}


def charged(**more):
    return {"charging_info": {**PAY_PER_USE, **more}}


MEANT = [
    (network(ipv6_enable=False), network(ipv6_enable=True), Action.REPLACE),
    (network(allowed_address_pairs=[]), network(allowed_address_pairs=[{"ip_address": "1.1.1.1/0"}]), Action.REPLACE),
    ({"enterprise_project_id": "0"}, {"enterprise_project_id": "p-1"}, Action.REPLACE),
    (charged(), {"charging_info": PREPAID}, Action.REPLACE),
    (charged(period_type="YEAR", period_num=11), {"charging_info": PREPAID}, Action.REPLACE),
    (charged(is_auto_pay=True), {"charging_info": PREPAID}, Action.REPLACE),
    (charged(is_auto_renew=False), {"charging_info": PREPAID}, Action.REPLACE),
    ({"userdata": ""}, {"userdata": "aGk="}, Action.REINSTALL),
    ({"volumes": []}, {"volumes": [VOLUME]}, Action.UPDATE),
    ({"public_ips": []}, {"public_ips": [VOLUME]}, Action.UPDATE),
]
"""What the specs say by leaving it out, something else, and what going from the one to the other takes."""


def after(before, now, **row):
    """What an apply does about specs that say `now` of a server that was bought by `before`."""
    record = bought(wanted(**before))
    return the_change(surveyed(wanted(**now), state=a_state(record), live=(shown(record, **row),)))


def test_all_that_leaving_it_out_says_may_be_stated_at_once_and_taken_out_again():
    assert after({}, ALL_AT_ONCE).action is Action.NO_OP
    assert after(ALL_AT_ONCE, {}).action is Action.NO_OP


@pytest.mark.parametrize(("meant", "other", "action"), MEANT)
def test_what_leaving_it_out_says_is_no_change_and_anything_else_is_one(meant, other, action):
    assert after({}, meant).action is Action.NO_OP
    assert after(meant, {}).action is Action.NO_OP
    assert after({}, other, charging_info={"charging_mode": "POST_PAID"}).action is action
    assert after(meant, other).action is action
    assert after(other, meant).action is action


@pytest.mark.parametrize(("_meant", "other", "action"), MEANT)
def test_a_line_that_is_taken_out_leaves_what_was_sent(_meant, other, action):
    """Nothing is wiped or released for it. What is changed in place is given up, which sends nothing either."""
    change = after(other, {})
    assert change.action is (action if action is Action.UPDATE else Action.NO_OP)
    if action is not Action.UPDATE:
        assert change.recorded.declared == KIND.redact(wanted(**other).fields, lambda _: "")


@pytest.mark.parametrize(
    ("stated", "action"),
    [
        ({"userdata": "aGk="}, Action.REINSTALL),
        ({"key_pair_name": "theirs"}, Action.REINSTALL),
        ({"key_pair_name": None, "admin_pass": PASSWORD}, Action.REINSTALL),
        ({"image_id": OTHER_IMAGE}, Action.REINSTALL),
        ({"flavor": "Si2.large.8"}, Action.REPLACE),
        (network(roce_id=VOLUME), Action.REPLACE),
        (network(hyper_group={"id": VOLUME}), Action.REPLACE),
        (network(subnet_id=VOLUME), Action.REPLACE),
        (network(security_group_id=VOLUME), Action.REPLACE),
    ],
)
def test_every_other_value_is_a_change_as_it_always_was(stated, action):
    change = after({}, stated)
    assert change.action is action
    assert any(item.reinstalls if action is Action.REINSTALL else item.forces_replacement for item in change.fields)


@pytest.mark.parametrize(
    ("stated", "row", "otherwise"),
    [
        ({"power": "running"}, {"power": "running"}, {"power": "stopped"}),
        ({"power": "stopped"}, {"power": "stopped"}, {"power": "running"}),
        ({"volumes": [VOLUME]}, {"volumes": [VOLUME, OTHER_IMAGE]}, {"volumes": [OTHER_IMAGE]}),
    ],
)
def test_what_changes_in_place_may_be_stated_as_the_cloud_shows_it(stated, row, otherwise):
    (field, value), *_ = stated.items()
    change = after({}, stated, **row)
    assert (change.action, change.noted.declared[field]) == (Action.NO_OP, value)
    assert after(stated, stated, **otherwise).action is Action.UPDATE, "from then on it is kept so"
    assert after({}, stated, **otherwise).action is Action.UPDATE
    assert after({}, stated).action is Action.UPDATE, "nothing shows it"
    ignoring = replace(wanted(**stated), lifecycle=Lifecycle(ignore_changes=((field,),)))
    record = bought(wanted())
    left = the_change(surveyed(ignoring, state=a_state(record), live=(shown(record, **row),)))
    assert (left.action, left.noted) == (Action.NO_OP, None)


DISKS = {"type": "SSD", "size": 200}
CHOSEN = [
    ({"arch": "X86"}, {"arch": "ARM"}),
    ({"server_type": "ECS"}, {"server_type": "BMS"}),
    ({"root_volume": DISKS}, {"root_volume": {**DISKS, "size": 300}}),
    ({"root_volume": {"type": "SSD"}}, {"root_volume": {"type": "SAS"}}),
    ({"data_volume": {**DISKS, "count": 2}}, {"data_volume": {**DISKS, "count": 3}}),
    ({"data_volume": {**DISKS, "count": 2}}, {"data_volume": {"type": "SAS", "size": 200, "count": 2}}),
    ({"flavor": None, "resource_flavor": "rf"}, {"flavor": None, "resource_flavor": "other"}),
    ({"availability_zone": "az-1"}, {"availability_zone": "az-2"}),
]
"""What the cloud chooses where it is left out, and another choice."""
IS_SHOWN = CHOSEN[:-1]


def chosen(specs, shown_=None):
    """What is made of specs that say so by now, where the row shows `shown_`."""
    record = bought(wanted())
    row = shown(record, **{key: value for key, value in (shown_ or {}).items() if value is not None})
    return planned(surveyed(wanted(**specs), state=a_state(record), live=(row,)))


@pytest.mark.parametrize(("true", "_false"), IS_SHOWN)
def test_a_choice_of_the_cloud_that_is_shown_may_be_stated(true, _false):
    plan = chosen(true, true)
    assert ([change.action for change in plan.changes], plan.findings) == ([Action.NO_OP], ())


@pytest.mark.parametrize(("true", "false"), IS_SHOWN)
def test_and_is_compared_with_what_is_shown(true, false):
    (change,) = chosen(false, true).changes
    assert (change.action, change.assumed) == (Action.REPLACE, ())
    wrong = {path for path, value in leaves(false) if value is not None and (path, value) not in set(leaves(true))}
    assert {item.path for item in change.fields if item.after is not None} == wrong


@pytest.mark.parametrize(("true", "_false"), CHOSEN)
def test_a_choice_that_nothing_shows_is_assumed_and_said_so(true, _false):
    plan = chosen(true)
    (change,) = plan.changes
    paths = tuple(sorted(path for path, value in leaves(true) if value is not None))
    assert (change.action, tuple(sorted(change.assumed))) == (Action.NO_OP, paths)
    assert [finding.code for finding in plan.findings] == ["assumed"]


@pytest.mark.parametrize(("true", "false"), CHOSEN)
def test_from_one_declared_choice_to_another_is_a_change_and_a_line_that_is_gone_is_none(true, false):
    assert after(true, false).action is Action.REPLACE
    assert after(true, {} if "flavor" not in true else true).action is Action.NO_OP


def test_from_a_flavor_to_the_resource_flavor_of_the_same_machine_and_back():
    """Both come back for one machine."""
    both = {"flavor": "Si2.large.4", "resource_flavor": "rf"}
    assert after({}, {"flavor": None, "resource_flavor": "rf"}, **both).action is Action.NO_OP
    assert after({"flavor": None, "resource_flavor": "rf"}, {}, **both).action is Action.NO_OP


def test_an_assumption_about_an_ignored_field_is_not_told():
    record = bought(wanted())
    desired = replace(wanted(availability_zone="az-1"), lifecycle=Lifecycle(ignore_changes=(("availability_zone",),)))
    plan = planned(surveyed(desired, state=a_state(record), live=(shown(record),)))
    assert (plan.work, plan.findings) == ((), ())


def test_servers_that_believe_the_same_are_told_together():
    desired = [wanted(f"node[{number}]", name=f"node-{number}", arch="X86") for number in range(8)]
    records = [bought(replace(one, fields={**one.fields, "arch": None})) for one in desired]
    records = [replace(one, declared={key: value for key, value in one.declared.items() if value}) for one in records]
    plan = planned(surveyed(*desired, state=a_state(*records), live=tuple(map(shown, records))))
    (finding,) = plan.findings
    assert (plan.work, finding.address, "node[5] and 2 more: arch is assumed" in finding.summary) == ((), None, True)


def test_a_term_that_nobody_wrote_down_is_assumed_of_what_is_shown_as_prepaid():
    (change,) = chosen({"charging_info": PREPAID}, {"charging_info": {"charging_mode": "PRE_PAID"}}).changes
    term = (("charging_info", "period_type"), ("charging_info", "period_num"))
    assert (change.action, change.assumed) == (Action.NO_OP, term)


def test_disks_that_others_attached_are_not_told_from_those_that_it_was_bought_with():
    both = {"data_volume": {"type": "SAS", "size": 900, "count": 3}, "volumes": [VOLUME]}
    (change,) = chosen({"data_volume": {**DISKS, "count": 2}, "volumes": [VOLUME]}, both).changes
    assert change.action is Action.NO_OP
    assert {path[0] for path in change.assumed} == {"data_volume"}


def test_a_line_that_is_taken_out_beside_a_wipe_goes_with_the_system():
    change = after({"userdata": "aGk="}, {"image_id": OTHER_IMAGE})
    assert (change.action, [item.path for item in change.fields]) == (Action.REINSTALL, [("image_id",), ("userdata",)])


def test_a_line_of_the_machine_stays_on_record_beside_a_wipe():
    change = after({"enterprise_project_id": "p-1"}, {"image_id": OTHER_IMAGE})
    assert (change.action, [item.path for item in change.fields]) == (Action.REINSTALL, [("image_id",)])


def test_and_goes_with_the_machine():
    change = after({"enterprise_project_id": "p-1", "userdata": "aGk="}, {"flavor": "Si2.large.8"})
    assert change.action is Action.REPLACE
    assert {item.path for item in change.fields} == {("enterprise_project_id",), ("flavor",), ("userdata",)}


def test_whoever_names_the_address_has_its_system_put_on_without_the_line_that_is_gone():
    record = bought(wanted(userdata="aGk="))
    survey = surveyed(wanted(), state=a_state(record), live=(shown(record),))
    change = the_change(replace(survey, reinstall=frozenset({record.address})))
    assert (change.action, [item.path for item in change.fields]) == (Action.REINSTALL, [("userdata",)])


def test_where_another_system_is_another_machine_a_line_that_is_gone_is_neither():
    desired = replace(wanted(), lifecycle=Lifecycle(on_os_change=OnOsChange.REPLACE))
    record = bought(wanted(userdata="aGk="))
    assert the_change(surveyed(desired, state=a_state(record), live=(shown(record),))).action is Action.NO_OP


def test_nothing_is_released_because_a_row_denies_what_leaving_it_out_says():
    """It was sent as pay-per-use; somebody made a subscription of it since, and then the specs were completed."""
    record = bought(wanted())
    row = shown(record, charging_info={"charging_mode": "PRE_PAID"})
    plan = planned(surveyed(wanted(**charged()), state=a_state(record), live=(row,)))
    assert [change.action for change in plan.changes] == [Action.NO_OP]
    assert [finding.code for finding in plan.findings] == ["unconfirmed"]


def test_what_is_stated_and_what_is_changed_beside_it_are_told_apart():
    change = after({}, ALL_AT_ONCE | {"name": "portal"})
    assert (change.action, [item.path for item in change.fields]) == (Action.UPDATE, [("name",)])


def test_the_defaults_of_the_rules_are_written_as_they_are_compared():
    written = KIND.redact(wanted(**ALL_AT_ONCE).fields, lambda _: "")
    defaults = {rule.path: rule.default for rule in KIND.rules if rule.default is not None}
    assert defaults == {path: value for path, value in leaves(written) if path in defaults}
