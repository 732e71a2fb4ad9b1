"""Temporary keys: issued for a token, good for a while, nothing without their security token. Section 6 of the reference."""

import pytest
from support.temporary_key import PROJECT_PATH, signed

KEYS = "/v3.0/OS-CREDENTIAL/securitytokens"


def issue(cloud, token: dict | None = None, **options):
    identity = {"methods": ["token"]} | ({} if token is None else {"token": token})
    return cloud.call("POST", KEYS, json={"auth": {"identity": identity}}, **options)


@pytest.fixture
def keys(cloud) -> dict:
    answer = issue(cloud)
    assert answer.status_code == 201
    return answer.json()["credential"]


def test_they_live_fifteen_minutes_unless_told_otherwise(cloud, keys):
    assert keys["expires_at"] == "2026-01-02T03:19:05.000000Z"
    longer = issue(cloud, {"duration_seconds": 86_400}).json()["credential"]
    assert longer["expires_at"] == "2026-01-03T03:04:05.000000Z"


@pytest.mark.parametrize("signs_it", [True, False])
def test_they_open_project_and_account(cloud, keys, signs_it):
    for path in (PROJECT_PATH, "/v2/orders/customer-orders", "/v3/auth/domains"):
        answer = signed(cloud, keys, path, security_token=keys["securitytoken"], signs_it=signs_it)
        assert answer.status_code == 200


def test_they_are_nothing_without_their_security_token(cloud, keys, refusal):
    another = issue(cloud).json()["credential"]
    for token in (None, "", "invented", another["securitytoken"]):
        assert refusal(signed(cloud, keys, security_token=token)) == (401, "APIG.0301")


def test_a_wrong_secret_is_refused(cloud, keys, refusal):
    wrong = keys | {"secret": "another"}
    assert refusal(signed(cloud, wrong, security_token=keys["securitytoken"])) == (401, "APIG.0301")


def test_they_expire(cloud, keys, refusal):
    cloud.clock.advance(899)
    assert signed(cloud, keys, security_token=keys["securitytoken"]).status_code == 200
    cloud.clock.advance(1)
    assert refusal(signed(cloud, keys, security_token=keys["securitytoken"])) == (401, "APIG.0301")


def test_they_outlive_the_process(world, open_cloud):
    keys = issue(open_cloud(world)).json()["credential"]
    assert signed(open_cloud(world), keys, security_token=keys["securitytoken"]).status_code == 200


def test_they_are_the_callers(cloud, keys):
    server = cloud.bought()
    answer = signed(cloud, keys, security_token=keys["securitytoken"])
    assert [each["id"] for each in answer.json()["data"]] == [server["id"]]


def test_none_without_a_token(cloud, refusal):
    assert refusal(cloud.send("POST", KEYS, json={"auth": {"identity": {"methods": ["token"]}}})) == (401, "APIG.0301")


@pytest.mark.parametrize(
    "token", [{"duration_seconds": 899}, {"duration_seconds": 86_401}, {"duration_seconds": "900"}]
)
def test_a_life_outside_the_rules_is_refused(cloud, refusal, token):
    assert refusal(issue(cloud, token)) == (400, "IAM.0007")


@pytest.mark.parametrize(
    "body", [{}, {"auth": {"identity": {}}}, {"auth": {"identity": {"methods": ["password"]}}}, []]
)
def test_a_request_outside_the_rules_is_refused(cloud, refusal, body):
    assert refusal(cloud.call("POST", KEYS, json=body)) == (400, "IAM.0007")
