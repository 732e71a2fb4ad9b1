"""Every rule of a DevServer's fields, with the words its author reads (docs/api/devserver-api.md section 3.1)."""

from __future__ import annotations

import base64

import pytest
from pydantic import ValidationError
from support.planning_builders import PASSWORD, PREPAID, wanted

from provisioner.kinds import CATALOGUE
from provisioner.model.field_rule import OnChange
from provisioner.model.redaction import with_value

KIND = CATALOGUE["dev_server"]
VALID = wanted().fields
UUID = "05982b48-a70f-43a1-a2b0-1fe36a236172"
LETTERS = "letters, digits, '-', '_' or '.'"


def complaints(fields):
    """`path: message`, as pydantic says it."""
    try:
        KIND.schema.model_validate(fields)
    except ValidationError as invalid:
        return [
            f"{'.'.join(map(str, problem['loc']))}: {problem['msg'].removeprefix('Value error, ')}"
            for problem in invalid.errors()
        ]
    return []


def changed(path, value):
    return with_value(VALID, tuple(path.split(".")), value)


def advice(**fields):
    return [*KIND.advise({key: value for key, value in {**VALID, **fields}.items() if value is not None})]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("name", "a"),
        ("name", "-_.aZ9" + "x" * 58),
        ("flavor", "x" * 128),
        ("resource_flavor", "x" * 256),
        ("network.ipv6_enable", True),
        ("network.roce_id", UUID),
        ("network.hyper_cluster", {"id": "a", "hyper_cluster_subnet_id": "b"}),
        ("network.hyper_group", {"id": UUID}),
        ("network.allowed_address_pairs", [{"ip_address": "1.1.1.1/0"}, {"mac_address": "fa:16:3e:00:00:01"}]),
        ("admin_pass", PASSWORD),
        ("key_pair_name", "ops.2026"),
        ("arch", "ARM"),
        ("server_type", "BMS"),
        ("availability_zone", "cn-north-4a"),
        ("enterprise_project_id", "0"),
        ("charging_info", PREPAID),
        ("charging_info", {"charging_mode": "POST_PAID", "period_type": "WEEK", "period_num": 11}),
        ("root_volume", {}),
        ("root_volume", {"type": "ESSD", "size": 100}),
        ("root_volume.size", 1024),
        ("data_volume", {"type": "SSD", "size": 32768, "count": 8}),
        ("userdata", base64.b64encode(b"x" * 32768).decode()),
        ("userdata", ""),
    ],
)
def test_what_the_api_takes_is_taken(path, value):
    assert complaints(changed(path, value)) == []


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("name", "", f"name: a name has 1 to 64 {LETTERS}"),
        ("name", "x" * 65, f"name: a name has 1 to 64 {LETTERS}"),
        (
            "name",
            "größe",
            f"name: a name has 1 to 64 {LETTERS}; character 3 of it is U+00F6 (LATIN SMALL LETTER O WITH DIAERESIS)",
        ),
        (
            "name",
            "a\n",
            f"name: a name has 1 to 64 {LETTERS}; character 2 of it is U+000A (LINE FEED)",
        ),
        ("name", 7, "name: Input should be a valid string"),
        ("flavor", "", "flavor: String should have at least 1 character"),
        ("flavor", "x" * 129, "flavor: String should have at most 128 characters"),
        (
            "flavor",
            "small\u00a0",
            "flavor: expected letters, digits, '-', '_' or '.'; character 6 of it is U+00A0 (NO-BREAK SPACE)",
        ),
        (
            "flavor",
            "sm\u0430ll",
            "flavor: expected letters, digits, '-', '_' or '.'; character 3 of it is U+0430 (CYRILLIC SMALL LETTER A)",
        ),
        (
            "flavor",
            "sm\u200ball",
            "flavor: expected letters, digits, '-', '_' or '.'; character 3 of it is U+200B (ZERO WIDTH SPACE)",
        ),
        (
            "flavor",
            "a\u0301",
            "flavor: expected letters, digits, '-', '_' or '.'; character 2 of it is U+0301 (COMBINING ACUTE ACCENT)",
        ),
        (
            "flavor",
            "\uff21",
            "flavor: expected letters, digits, '-', '_' or '.'; character 1 of it is U+FF21 (FULLWIDTH LATIN CAPITAL LETTER A)",
        ),
        (
            "key_pair_name",
            "ops\u2060",
            f"key_pair_name: a name has 1 to 64 {LETTERS}; character 4 of it is U+2060 (WORD JOINER)",
        ),
        (
            "resource_flavor",
            "a b",
            f"resource_flavor: expected 1 to 256 {LETTERS}; character 2 of it is U+0020 (SPACE)",
        ),
        ("image_id", "ubuntu", f"image_id: expected a UUID in lower case, like {UUID}"),
        ("image_id", UUID.upper(), f"image_id: expected a UUID in lower case, like {UUID}"),
        (
            "network.vpc_id",
            UUID + "\n",
            f"network.vpc_id: expected a UUID in lower case, like {UUID}; character 37 of it is U+000A (LINE FEED)",
        ),
        ("network.roce_id", "x", f"network.roce_id: expected a UUID in lower case, like {UUID}"),
        ("network.hyper_group", {}, "network.hyper_group.id: Field required"),
        ("network.ipv6_enable", 1, "network.ipv6_enable: Input should be a valid boolean"),
        (
            "network.allowed_address_pairs",
            [{"ip_address": "0.0.0.0/0"}],
            "network.allowed_address_pairs.0.ip_address: 0.0.0.0/0 is not allowed; 1.1.1.1/0 switches the source/destination check off",
        ),
        ("admin_pass", "in clear", "admin_pass: Input should be an instance of SecretReference"),
        ("key_pair_name", "a/b", f"key_pair_name: a name has 1 to 64 {LETTERS}"),
        ("arch", "x86", "arch: Input should be 'X86' or 'ARM'"),
        ("server_type", "VM", "server_type: Input should be 'BMS', 'ECS' or 'HPS'"),
        ("availability_zone", "x" * 257, f"availability_zone: expected 1 to 256 {LETTERS}"),
        ("enterprise_project_id", "x" * 37, f"enterprise_project_id: expected 1 to 36 {LETTERS}"),
        ("charging_info", {"period_type": "MONTH", "period_num": 1}, "charging_info.charging_mode: Field required"),
        (
            "charging_info",
            PREPAID | {"charging_mode": "COMMON"},
            "charging_info.charging_mode: Input should be 'PRE_PAID' or 'POST_PAID'",
        ),
        (
            "charging_info",
            PREPAID | {"period_num": 0},
            "charging_info.period_num: Input should be greater than or equal to 1",
        ),
        (
            "charging_info",
            PREPAID | {"period_num": 12},
            "charging_info.period_num: Input should be less than or equal to 11",
        ),
        (
            "charging_info",
            PREPAID | {"is_auto_pay": "yes"},
            "charging_info.is_auto_pay: Input should be a valid boolean",
        ),
        ("root_volume", {"type": "NVME"}, "root_volume.type: Input should be 'ESSD', 'GPSSD', 'SAS', 'SATA' or 'SSD'"),
        ("root_volume", {"size": 99}, "root_volume.size: Input should be greater than or equal to 100"),
        ("root_volume", {"size": 1025}, "root_volume.size: Input should be less than or equal to 1024"),
        ("root_volume", {"size": True}, "root_volume.size: Input should be a valid integer"),
        ("root_volume", {"size": "200"}, "root_volume.size: Input should be a valid integer"),
        (
            "data_volume",
            {"type": "SSD", "size": 32769, "count": 1},
            "data_volume.size: Input should be less than or equal to 32768",
        ),
        (
            "data_volume",
            {"type": "SSD", "size": 100, "count": 9},
            "data_volume.count: Input should be less than or equal to 8",
        ),
        ("userdata", "#!/bin/sh", "userdata: userdata is not Base64"),
        ("userdata", "größe", "userdata: userdata is not Base64"),
        (
            "userdata",
            base64.b64encode(b"x" * 32769).decode(),
            "userdata: userdata has 32769 bytes; the API takes at most 32768 (32 KiB)",
        ),
        ("hps_cluster_id", "x", f"hps_cluster_id: expected a UUID in lower case, like {UUID}"),
        ("flavour", "x", "flavour: Extra inputs are not permitted"),
        ("count", 3, "count: Extra inputs are not permitted"),
        ("user_data", "", "user_data: Extra inputs are not permitted"),
        ("network.eip", "x", "network.eip: Extra inputs are not permitted"),
    ],
)
def test_what_the_api_would_refuse_is_refused_in_words(path, value, said):
    assert complaints(changed(path, value)) == [said]


@pytest.mark.parametrize(
    "field", ["name", "image_id", "network", "network.vpc_id", "network.subnet_id", "network.security_group_id"]
)
def test_what_is_mandatory_is_asked_for(field):
    assert complaints(changed(field, None)) == [f"{field}: Field required"]


@pytest.mark.parametrize("missing", ["type", "size", "count"])
def test_a_data_volume_needs_all_three_of_its_fields(missing):
    volume = {"type": "SSD", "size": 100, "count": 1}
    volume.pop(missing)
    assert complaints(changed("data_volume", volume)) == [f"data_volume.{missing}: Field required"]


@pytest.mark.parametrize("missing", ["period_type", "period_num"])
def test_a_period_is_mandatory_even_when_paying_per_use(missing):
    charging = {"charging_mode": "POST_PAID", "period_type": "MONTH", "period_num": 1}
    charging.pop(missing)
    assert complaints(changed("charging_info", charging)) == [f"charging_info.{missing}: Field required"]


def test_every_mistake_is_found_at_once():
    broken = changed("network.vpc_id", "x") | {"name": "", "flavour": 1}
    assert len(complaints(broken)) == 3


def test_a_sound_server_needs_no_advice():
    assert advice() == []
    assert advice(charging_info=PREPAID) == []


@pytest.mark.parametrize(
    ("fields", "path", "message"),
    [
        ({"resource_flavor": "rf"}, ("resource_flavor",), "flavor and resource_flavor exclude each other"),
        ({"flavor": None}, (), "the machine to buy is missing"),
        ({"admin_pass": PASSWORD}, ("key_pair_name",), "admin_pass and key_pair_name exclude each other"),
        ({"key_pair_name": None}, (), "the way to log in is missing"),
    ],
)
def test_exactly_one_of_two_is_needed(fields, path, message):
    (found,) = advice(**fields)
    assert (found.code, found.path, found.message, found.warning) == ("exactly-one", path, message, False)
    assert found.hint


@pytest.mark.parametrize("fields", [{"server_type": "HPS"}, {"hps_cluster_id": UUID}])
def test_supernodes_are_refused_with_the_reason(fields):
    (found,) = advice(**fields)
    assert (found.code, found.path, found.warning) == ("hps-unsupported", (next(iter(fields)),), False)
    assert "a lost reply could not be recognised" in found.hint


@pytest.mark.parametrize(
    ("fields", "code", "path"),
    [
        ({"name": "a.b"}, "dotted-name", ("name",)),
        ({"charging_info": PREPAID | {"period_num": 10}}, "long-period", ("charging_info", "period_num")),
        (
            {"charging_info": PREPAID | {"period_type": "YEAR", "period_num": 4}},
            "long-period",
            ("charging_info", "period_num"),
        ),
    ],
)
def test_what_may_cost_unexpectedly_is_a_warning(fields, code, path):
    (found,) = advice(**fields)
    assert (found.code, found.path, found.warning) == (code, path, True)


def test_an_order_that_will_wait_is_told_before_it_is_placed_and_not_of_what_is_there():
    (found,) = KIND.orders.advise({"charging_info": PREPAID | {"is_auto_pay": False}})
    assert (found.code, found.path, found.warning) == ("unpaid-order", ("charging_info",), True)
    assert advice(charging_info=PREPAID | {"is_auto_pay": False}) == []
    assert not list(KIND.orders.advise({"charging_info": PREPAID | {"is_auto_pay": True}}))


@pytest.mark.parametrize(
    "charging",
    [
        PREPAID | {"period_num": 9},
        PREPAID | {"period_type": "YEAR", "period_num": 3},
        {"charging_mode": "POST_PAID", "period_type": "MONTH", "period_num": 1},
    ],
)
def test_a_sensible_term_needs_no_warning(charging):
    assert advice(charging_info=charging) == []


def test_what_a_change_of_a_field_takes():
    taking = {change: [rule.path for rule in KIND.rules if rule.on_change is change] for change in OnChange}
    renewal = ("charging_info", "is_auto_renew")
    assert set(taking[OnChange.IN_PLACE]) == {("name",), ("power",), ("volumes",), ("public_ips",), renewal}
    assert {path[0] for path in taking[OnChange.REINSTALL]} == {"image_id", "key_pair_name", "admin_pass", "userdata"}
    assert taking[OnChange.NOTHING] == [("charging_info", "is_auto_pay")]
    assert KIND.rule(("network", "security_group_id")).on_change is OnChange.REPLACE


def test_every_rule_is_about_a_field_that_exists():
    for rule in KIND.rules:
        if rule.path == ("user_data",):
            continue  # what requests call userdata when they install another system
        assert not [said for said in complaints(with_value(VALID, rule.path, "x")) if "Extra inputs" in said]
