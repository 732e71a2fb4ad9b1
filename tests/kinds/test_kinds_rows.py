"""What is read out of a row, in whichever of its published forms it comes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.planning_builders import PREPAID, bought, wanted
from support.rows import ID, SEED_ROW, a_live, a_row
from support.strategies import json_values

from provisioner.kinds import CATALOGUE
from provisioner.kinds.dev_server import rows

ENDPOINTS = [{"dev_service": "SSH", "uri": "10.0.0.7", "key_pair_names": ["ops"]}]
OLD_ENDPOINTS = [{"dev_service": "NOTEBOOK", "ssh_keys": ["ops"]}]


def test_the_references_own_answer_is_read():
    live = rows.read(SEED_ROW)
    assert (live.id, live.name, live.status, live.order_id) == (ID, "EI-evs-1107", "CREATING", None)
    assert live.created_at == 1699348284990
    assert live.shown == {
        "name": "EI-evs-1107",
        "flavor": "Si2.large.4",
        "image_id": "c90fb553-2cdb-4b81-b56a-ef68812c6cf7",
        "charging_info": {"charging_mode": "PRE_PAID"},
        "arch": "X86",
        "server_type": "ECS",
    }
    assert live.observed["cloud_server"] == {"type": "ECS"}
    assert live.observed["image"]["name"] == "Ubuntu18.04_x86_64_CPU"


def test_a_row_shows_what_can_be_compared_with_a_spec():
    shown = a_live(key_pair_name="ops", resource_flavor="rf", vpc_id="vpc", subnet_id="subnet", order_id="CS1").shown
    assert shown["network"] == {"vpc_id": "vpc", "subnet_id": "subnet"}
    assert (shown["key_pair_name"], shown["resource_flavor"]) == ("ops", "rf")


def test_both_names_of_the_image_are_read_and_the_current_one_is_preferred():
    old = {"image_id": "old"}
    assert a_live(image=None, server_image_response=old).shown["image_id"] == "old"
    assert a_live(image={"image_id": "new"}, server_image_response=old).shown["image_id"] == "new"
    assert "image_id" not in a_live(image=None).shown
    assert "image" not in a_live(image=None).observed


def test_both_names_of_the_endpoints_are_read_and_the_current_one_is_preferred():
    assert a_live(endpoints_response=OLD_ENDPOINTS).observed["endpoints"] == OLD_ENDPOINTS
    assert a_live(endpoints=ENDPOINTS, endpoints_response=OLD_ENDPOINTS).observed["endpoints"] == ENDPOINTS
    assert "endpoints" not in a_live().observed


def test_unknown_fields_are_ignored():
    assert a_live(something_new={"a": 1}, admin_pass="never") == a_live()


@pytest.mark.parametrize("mode", ["COMMON", "SOMETHING", None])
def test_only_a_charging_mode_that_can_be_declared_is_compared(mode):
    assert "charging_info" not in a_live(charging_mode=mode).shown


@pytest.mark.parametrize("word", ["x86_64", "arm", "", None, 7, ["X86"]])
def test_what_specs_cannot_say_of_a_machine_tells_nothing(word):
    assert not {"arch", "server_type"} & a_live(image={"arch": word}, cloud_server={"type": word}).shown.keys()


ROOT = {"type": "ROOT", "evs_type": "SSD", "size": 200, "evs_id": "root"}
DISK = {"type": "DATA", "evs_type": "GPSSD", "size": 500}
FIRST, SECOND = {**DISK, "evs_id": "one"}, {**DISK, "evs_id": "two"}
SYSTEM = {"root_volume": {"type": "SSD", "size": 200}}


@pytest.mark.parametrize(
    ("disks", "told"),
    [
        ([], {}),
        (None, {}),
        ({"type": "ROOT"}, {}),
        ([ROOT], SYSTEM | {"data_volume": {"count": 0}}),
        ([ROOT, FIRST], SYSTEM | {"data_volume": {"type": "GPSSD", "size": 500, "count": 1}}),
        ([FIRST, ROOT, SECOND], SYSTEM | {"data_volume": {"type": "GPSSD", "size": 500, "count": 2}}),
        ([ROOT, FIRST, FIRST], SYSTEM | {"data_volume": {"type": "GPSSD", "size": 500, "count": 1}}),
        ([ROOT, FIRST, {**SECOND, "size": 600}], SYSTEM),
        ([ROOT, {**FIRST, "size": "500"}], SYSTEM),
        ([ROOT, *({**DISK, "evs_id": str(number)} for number in range(9))], SYSTEM),
        ([ROOT, "a disk"], {}),
        ([ROOT, {**FIRST, "type": "CACHE"}], {}),
        ([ROOT, {**FIRST, "type": ["DATA"]}], {}),
        ([{**ROOT, "size": 40}], {"root_volume": {"type": "SSD"}, "data_volume": {"count": 0}}),
        ([{**ROOT, "size": True, "evs_type": "new"}], {"data_volume": {"count": 0}}),
        ([ROOT, ROOT], {}),
    ],
)
def test_disks_are_read_as_specs_say_them_and_what_is_partial_or_odd_tells_nothing(disks, told):
    shown = a_live(volumes=disks).shown
    assert {key: shown[key] for key in ("root_volume", "data_volume") if key in shown} == told


def test_what_is_null_or_of_a_wrong_type_is_read_as_absent():
    row = {**a_row(), "name": None, "status": None, "order_id": "", "create_at": "yesterday", "image": ["x"]}
    live = rows.read(row)
    assert (live.name, live.status, live.order_id, live.created_at) == ("", "", None, None)
    assert rows.read({**row, "order_id": 7}).order_id is None


@given(st.dictionaries(st.sampled_from([*SEED_ROW, "endpoints", "order_id", "vpc_id", "category"]), json_values))
def test_whatever_a_row_holds_it_is_read_without_harm(fields):
    live = rows.read({**fields, "id": ID})
    assert live.id == ID
    assert live.shown.keys() <= {
        "name",
        "flavor",
        "resource_flavor",
        "key_pair_name",
        "image_id",
        "network",
        "charging_info",
        "arch",
        "server_type",
        "root_volume",
        "data_volume",
    }


@pytest.mark.parametrize(
    ("declared", "observed", "order", "row", "prepaid"),
    [
        (None, {}, None, None, False),
        (None, {"charging_mode": "POST_PAID"}, None, {"charging_mode": "POST_PAID"}, False),
        (None, {"charging_mode": "POST_PAID"}, None, {"charging_mode": "COMMON"}, False),
        (PREPAID, {}, None, None, True),
        (PREPAID, {"charging_mode": "POST_PAID"}, None, {"charging_mode": "POST_PAID"}, True),
        (PREPAID, {"charging_mode": "COMMON"}, None, {"charging_mode": "COMMON"}, True),
        (None, {"charging_mode": "PRE_PAID"}, None, None, True),
        (None, {"charging_mode": "prepaid"}, None, None, True),
        (None, {"charging_mode": "COMMON"}, "CS1", None, True),
        (None, {"charging_mode": "POST_PAID"}, None, {"charging_mode": "PRE_PAID"}, True),
        (None, {"charging_mode": "POST_PAID"}, None, {"charging_mode": "COMMON", "order_id": "CS1"}, True),
    ],
)
def test_one_sign_is_enough_to_treat_it_as_prepaid(declared, observed, order, row, prepaid):
    recorded = replace(bought(wanted(charging_info=declared), observed=observed), order_id=order)
    live = None if row is None else rows.read({"id": ID, **row})
    assert CATALOGUE["dev_server"].billing.is_prepaid(recorded, live) is prepaid
