"""Tokens, and the ids that go with names: docs/api/devserver-api.md sections 6.3 and 7."""

import pytest

from provisioner.sandbox import PUBLIC

BY_ID = {"id": PUBLIC.project_id}
BY_NAME = {"name": PUBLIC.project_name}


@pytest.mark.parametrize("project", [BY_ID, BY_NAME, BY_ID | BY_NAME], ids=str)
def test_a_token_for_the_project(cloud, project):
    answer = cloud.token_answer({"project": project})
    token = answer.json()["token"]
    assert answer.status_code == 201
    assert answer.headers["X-Subject-Token"]
    assert token["project"] == BY_ID | BY_NAME | {"domain": {"id": PUBLIC.domain_id, "name": PUBLIC.domain_name}}
    assert token["issued_at"] == "2026-01-02T03:04:05.000000Z"
    assert token["expires_at"] == "2026-01-03T03:04:05.000000Z"
    assert token["user"]["name"] == PUBLIC.user_name


@pytest.mark.parametrize(
    "scope", [{"domain": {"id": PUBLIC.domain_id}}, {"domain": {"name": PUBLIC.domain_name}}, None], ids=str
)
def test_a_token_for_the_account(cloud, scope):
    token = cloud.token_answer(scope).json()["token"]
    assert token["domain"]["id"] == PUBLIC.domain_id
    assert "project" not in token


@pytest.mark.parametrize(
    "scope", [{"project": {"name": "elsewhere"}}, {"project": BY_ID | {"name": "x"}}, {"domain": {"id": "x"}}]
)
def test_no_token_for_what_is_not_the_users(cloud, scope):
    assert cloud.token_answer(scope).status_code == 401


def test_no_token_for_a_wrong_password(cloud):
    answer = cloud.token_answer({"project": BY_ID}, password="Wrong-Secret-1")
    assert answer.status_code == 401
    assert answer.json()["error"]["title"] == "Unauthorized"
    assert "Wrong-Secret-1" not in answer.text


@pytest.mark.parametrize(
    "scope", [{}, {"project": {}}, {"project": BY_ID, "domain": {"id": "x"}}, {"project": 7}], ids=str
)
def test_a_malformed_scope_is_refused(cloud, scope):
    identity = {"methods": ["password"], "password": {"user": {"domain": {"name": "a"}, "name": "b", "password": "c"}}}
    answer = cloud.send("POST", "/v3/auth/tokens", json={"auth": {"identity": identity, "scope": scope}})
    assert (answer.status_code, answer.json()["error_code"]) == (400, "IAM.0007")


@pytest.mark.parametrize("body", [{}, {"auth": {}}, [], {"auth": {"identity": {"methods": ["totp"]}}}], ids=str)
def test_a_malformed_request_is_refused(cloud, body):
    assert cloud.send("POST", "/v3/auth/tokens", json=body).status_code == 400


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, 1),
        ({"name": "cn-north-4"}, 1),
        ({"name": "cn-north-1"}, 0),
        ({"enabled": "true"}, 1),
        ({"domain_id": "x"}, 0),
    ],
    ids=str,
)
def test_projects_are_found_by_name(cloud, query, found):
    projects = cloud.call("GET", "/v3/projects", params=query).json()["projects"]
    assert [project["id"] for project in projects] == [PUBLIC.project_id] * found
    assert [project["domain_id"] for project in projects] == [PUBLIC.domain_id] * found


def test_the_callers_own_project_and_account(cloud):
    (project,) = cloud.call("GET", "/v3/auth/projects").json()["projects"]
    (domain,) = cloud.call("GET", "/v3/auth/domains").json()["domains"]
    assert project["id"] == PUBLIC.project_id
    assert domain["id"] == project["domain_id"] == PUBLIC.domain_id


def by_token(cloud, token: str, scope=None):
    auth = {"identity": {"methods": ["token"], "token": {"id": token}}} | ({"scope": scope} if scope else {})
    return cloud.send("POST", "/v3/auth/tokens", json={"auth": auth})


def test_a_token_gives_another_one_for_another_scope_and_no_longer_a_time(cloud):
    cloud.clock.advance(3600)
    answer = by_token(cloud, cloud.account_token, {"project": BY_ID})
    token = answer.json()["token"]
    assert (answer.status_code, token["methods"], token["project"]["id"]) == (201, ["token"], PUBLIC.project_id)
    assert token["user"]["name"] == PUBLIC.user_name
    assert token["expires_at"] == "2026-01-03T03:04:05.000000Z", "as the one that it was got with"
    mine = {"X-Auth-Token": answer.headers["X-Subject-Token"]}
    assert cloud.send("GET", cloud.SERVERS, headers=mine).status_code == 200
    cloud.clock.advance(24 * 3600)
    assert cloud.send("GET", cloud.SERVERS, headers=mine).status_code == 401


def test_a_token_that_is_none_gives_none(cloud):
    assert by_token(cloud, "made-up").status_code == 401
    cloud.clock.advance(25 * 3600)
    assert by_token(cloud, cloud.account_token).status_code == 401
    assert (
        by_token(cloud, cloud.token({"domain": {"id": PUBLIC.domain_id}}), {"project": {"id": "x"}}).status_code == 401
    )


@pytest.mark.parametrize(
    "identity",
    [{"methods": ["token"]}, {"methods": ["token"], "token": {}}, {"methods": ["password"], "token": {"id": "x"}}],
    ids=str,
)
def test_the_method_has_to_be_there(cloud, identity):
    answer = cloud.send("POST", "/v3/auth/tokens", json={"auth": {"identity": identity}})
    assert (answer.status_code, answer.json()["error_code"]) == (400, "IAM.0007")


def test_the_users_of_the_account(cloud):
    def listed(**query):
        return [user["name"] for user in cloud.call("GET", "/v3/users", params=query).json()["users"]]

    assert listed() == listed(name=PUBLIC.user_name) == listed(domain_id=PUBLIC.domain_id) == [PUBLIC.user_name]
    assert listed(name="nobody") == listed(enabled=False) == listed(domain_id="elsewhere") == []
