"""What the create call accepts and refuses: docs/api/devserver-api.md section 3, rule by rule."""

import base64

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

UUID = "05982b48-a70f-43a1-a2b0-1fe36a236172"
NETWORK = {"security_group_id": UUID, "subnet_id": UUID, "vpc_id": UUID}
MONTHLY = {"charging_mode": "PRE_PAID", "period_type": "MONTH", "period_num": 1}


def userdata(size: int) -> str:
    return base64.b64encode(b"x" * size).decode()


ACCEPTED = [
    {"name": "a" * 64},
    {"name": "A.b_c-9"},
    {"flavor": "any flavor at all"},
    {"flavor": None, "resource_flavor": "modelarts.kat1.8xlarge"},
    {"image_id": UUID.upper()},
    {"key_pair_name": None, "admin_pass": "@DevServer"},
    {"arch": "ARM"},
    {"server_type": "BMS"},
    {"availability_zone": "cn-north-4a"},
    {"enterprise_project_id": "0"},
    {"count": 10},
    {"root_volume": {"type": "SSD", "size": 1024}},
    {"root_volume": {}},
    {"data_volume": {"type": "SAS", "size": 32768, "count": 8}},
    {"userdata": userdata(32 * 1024)},
    {"user_data": userdata(1)},
    {"userdata": ""},
    {"charging_info": MONTHLY},
    {"charging_info": {**MONTHLY, "charging_mode": "POST_PAID"}},
    {"charging_info": {**MONTHLY, "period_type": "YEAR", "period_num": 11, "is_auto_renew": True}},
    {"network": {**NETWORK, "ipv6_enable": True, "roce_id": UUID, "hyper_cluster": {"id": "c"}}},
    {"network": {**NETWORK, "allowed_address_pairs": [{"ip_address": "1.1.1.1/0"}]}},
]

REFUSED = [
    {"name": None},
    {"name": ""},
    {"name": "a" * 65},
    {"name": "white space"},
    {"name": "line\n"},
    {"name": "größe"},
    {"name": 7},
    {"flavor": None},
    {"flavor": "f" * 129},
    {"resource_flavor": "both.given"},
    {"flavor": None, "resource_flavor": "with space"},
    {"image_id": None},
    {"image_id": "not-a-uuid"},
    {"network": None},
    {"network": {"vpc_id": UUID, "subnet_id": UUID}},
    {"network": {**NETWORK, "vpc_id": "short"}},
    {"network": {**NETWORK, "ipv6_enable": "yes"}},
    {"network": {**NETWORK, "unknown": 1}},
    {"network": {**NETWORK, "hyper_group": {}}},
    {"network": {**NETWORK, "allowed_address_pairs": [{"ip_address": "0.0.0.0/0"}]}},
    {"key_pair_name": None},
    {"admin_pass": "@DevServer"},
    {"key_pair_name": "with space"},
    {"arch": "x86"},
    {"server_type": "VM"},
    {"server_type": "HPS"},
    {"hps_cluster_id": UUID},
    {"availability_zone": "with space"},
    {"enterprise_project_id": "e" * 37},
    {"count": 0},
    {"count": 11},
    {"count": "2"},
    {"count": True},
    {"root_volume": {"size": 99}},
    {"root_volume": {"size": 1025}},
    {"root_volume": {"type": "NVME"}},
    {"root_volume": {"size": 100, "count": 1}},
    {"data_volume": {"type": "SSD", "size": 100}},
    {"data_volume": {"type": "SSD", "size": 32769, "count": 1}},
    {"data_volume": {"type": "SSD", "size": 100, "count": 9}},
    {"userdata": "not base64!"},
    {"userdata": userdata(32 * 1024 + 1)},
    {"userdata": userdata(1), "user_data": userdata(1)},
    {"charging_info": {"charging_mode": "POST_PAID"}},
    {"charging_info": {**MONTHLY, "charging_mode": "COMMON"}},
    {"charging_info": {**MONTHLY, "period_type": "DECADE"}},
    {"charging_info": {**MONTHLY, "period_num": 12}},
    {"charging_info": {**MONTHLY, "period_num": 0}},
    {"charging_info": {**MONTHLY, "is_auto_pay": "true"}},
    {"tags": ["unknown"]},
]

WEAK_PASSWORDS = [
    "",
    "Short1!",
    "Aa1!" * 7,
    "lowercase1",
    "ONLYUPPER!!",
    "MyRoot123!",
    "MyTOOR123!",
    "Administrator1!",
    "1!Rotartsinimda",
    "Dollar$123a",
    "Caret^123aB",
    "Space 123aB",
    "Ümlaut123!a",
]


@pytest.mark.parametrize("changes", ACCEPTED, ids=str)
def test_a_request_within_the_rules_is_executed(cloud, changes):
    assert cloud.create(**changes).status_code == 200


@pytest.mark.parametrize("changes", REFUSED, ids=lambda changes: str(changes)[:60])
def test_a_request_that_breaks_a_rule_buys_nothing(cloud, changes):
    answer = cloud.create(**changes)
    assert answer.status_code == 400
    assert answer.json().keys() >= {"error_code", "error_msg"}
    assert cloud.servers()["total"] == 0


@pytest.mark.parametrize("password", WEAK_PASSWORDS)
def test_a_password_that_breaks_the_rule_is_refused_and_not_repeated(cloud, password):
    answer = cloud.create(key_pair_name=None, admin_pass=password)
    assert answer.status_code == 400
    assert not password or password not in answer.text


@pytest.mark.parametrize("field", ["admin_pass", "arch", "charging_info", "root_volume", "userdata"])
def test_null_is_not_a_way_to_leave_a_field_out(cloud, request_for_server, field):
    answer = cloud.call("POST", cloud.SERVERS, json=request_for_server() | {field: None})
    assert answer.status_code == 400


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"7", b"\xff\xfe", b'{"name": "\\ud800"}', b"[" * 100_000])
def test_a_body_that_is_no_request_is_refused(cloud, body):
    answer = cloud.call("POST", cloud.SERVERS, content=body)
    assert answer.status_code == 400
    assert answer.json()["error_code"] == "ModelArts.0104"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    field=st.sampled_from(["name", "flavor", "network", "charging_info", "count", "admin_pass", "userdata", "x"]),
    value=JSON,
)
def test_no_value_of_any_field_breaks_the_service(cloud, request_for_server, field, value):
    answer = cloud.call("POST", cloud.SERVERS, json=request_for_server() | {field: value})
    assert answer.status_code in {200, 400}


def test_the_answer_shows_the_server_being_created(cloud):
    answer = cloud.bought(name="gateway")
    assert answer["name"] == "gateway"
    assert answer["status"] == "CREATING"
    assert answer["charging_mode"] == "POST_PAID"
    assert answer["cloud_server"] == {"type": "ECS"}
    assert answer["image"]["name"] == "Ubuntu18.04_x86_64_CPU"
    assert answer["create_at"] == cloud.clock.now()
    assert "order_id" not in answer
    assert "endpoints" not in answer


def test_what_is_never_echoed_is_not_echoed(cloud):
    answer = cloud.create(
        key_pair_name=None,
        admin_pass="@DevServer",
        availability_zone="cn-north-4a",
        enterprise_project_id="0",
        userdata=userdata(40),
    )
    cloud.clock.advance(60)
    shown = cloud.show(answer.json()["id"])
    for secret in ("@DevServer", "150a2c76", "cn-north-4a", userdata(40), "security", "enterprise", "userdata"):
        assert secret not in answer.text
        assert secret not in shown.text


def test_a_prepaid_server_answers_with_its_id_and_its_order(cloud, prepaid):
    answer = cloud.bought(charging_info=prepaid)
    assert answer["charging_mode"] == "PRE_PAID"
    assert answer["id"]
    assert answer["order_id"].isalnum()


def test_an_order_that_is_not_paid_builds_nothing(cloud, prepaid):
    answer = cloud.bought(charging_info=prepaid | {"is_auto_pay": False})
    cloud.clock.advance(3600)
    assert "id" not in answer
    assert cloud.order(answer["order_id"])["status"] == 6
    assert cloud.servers()["total"] == 0


def test_an_order_not_paid_within_a_week_is_cancelled(cloud, prepaid):
    order_id = cloud.bought(charging_info=prepaid | {"is_auto_pay": False})["order_id"]
    cloud.clock.advance(8 * 86_400)
    cloud.renew_tokens()
    assert cloud.order(order_id)["status"] == 4


def test_a_count_makes_that_many_servers_of_one_order_and_answers_with_one(cloud, prepaid):
    answer = cloud.bought(count=3, charging_info=prepaid)
    servers = cloud.servers()["data"]
    assert len({server["id"] for server in servers}) == 3
    assert {server["order_id"] for server in servers} == {answer["order_id"]}
    assert answer["id"] in {server["id"] for server in servers}


def test_the_same_name_twice_is_two_servers(cloud):
    first, second = cloud.bought(name="twin"), cloud.bought(name="twin")
    assert first["id"] != second["id"]
    assert cloud.servers()["total"] == 2
