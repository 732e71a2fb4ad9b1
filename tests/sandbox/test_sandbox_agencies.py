"""Acting in another account: temporary keys of an agency, for whom it trusts. Section 6.3 of the reference."""

import json

import pytest
from support.temporary_key import signed_by

from provisioner.sandbox import SettingsError, create_app, read_ledger

KEYS = "/v3.0/OS-CREDENTIAL/securitytokens"
ZETA = {"account": "zeta", "user": "carol", "password": "Carol-Public-1", "project_id": "zeta-main"}
OPS = {"agency_name": "ops", "domain_name": "acme"}


def account(name: str, user: str, **more) -> dict:
    login = {"id": f"{user}-id", "name": user, "password": f"{user.title()}-Public-1"}
    keys = {"access_key": f"{user.upper()}KEY", "secret_key": f"{user}secret"}
    projects = [{"id": f"{name}-main", "name": "cn-north-4"}]
    return {"id": f"{name}-id", "name": name, "projects": projects, "users": [login | keys], **more}


def accounts_file(folder, **agency):
    ops = {"id": "ops-id", "name": "ops", "trusts": ["zeta"]} | agency
    path = folder / "accounts.yaml"
    accounts = [account("acme", "alice", agencies=[ops]), account("zeta", "carol"), account("other", "dave")]
    path.write_text(json.dumps({"accounts": accounts}))
    return path


@pytest.fixture
def app(world, clock, tmp_path):
    return create_app(world, clock=clock, accounts=accounts_file(tmp_path))


@pytest.fixture
def carol(app, cloud_of):
    return cloud_of(app, ZETA)


def assume(cloud, agency: dict | None = None, **more):
    identity = {"methods": ["assume_role"], "assume_role": (OPS if agency is None else agency) | more}
    return cloud.call("POST", KEYS, json={"auth": {"identity": identity}})


def test_the_keys_act_in_the_account_that_has_the_agency(carol, world):
    keys = assume(carol).json()["credential"]
    assert signed_by(carol, keys, "/v3/auth/domains").json()["domains"][0]["name"] == "acme"
    (project,) = signed_by(carol, keys, "/v3/projects").json()["projects"]
    assert (project["id"], project["domain_id"]) == ("acme-main", "acme-id")
    assert signed_by(carol, keys, "/v1/acme-main/dev-servers").status_code == 200
    assert signed_by(carol, keys, "/v1/zeta-main/dev-servers").status_code == 403
    assert read_ledger(world) == []


def test_they_live_as_long_as_asked_for_and_no_longer(carol):
    assert assume(carol).json()["credential"]["expires_at"] == "2026-01-02T03:19:05.000000Z"
    keys = assume(carol, duration_seconds=3600).json()["credential"]
    carol.clock.advance(3599)
    assert signed_by(carol, keys, "/v1/acme-main/dev-servers").status_code == 200
    carol.clock.advance(1)
    assert signed_by(carol, keys, "/v1/acme-main/dev-servers").status_code == 401


@pytest.mark.parametrize(
    "agency",
    [
        {"agency_name": "ops", "domain_id": "acme-id"},
        {"agency_name": "ops", "domain_id": "acme-id", "domain_name": "acme"},
    ],
)
def test_the_account_may_be_named_by_id(carol, agency):
    assert assume(carol, agency).status_code == 201


@pytest.mark.parametrize(
    "agency",
    [
        {"agency_name": "none", "domain_name": "acme"},
        {"agency_name": "ops", "domain_name": "nowhere"},
        {"agency_name": "ops", "domain_name": "zeta"},
        {"agency_name": "ops", "domain_name": "acme", "domain_id": "zeta-id"},
    ],
)
def test_an_agency_that_is_not_there_is_refused_like_one_that_does_not_trust(carol, app, cloud_of, agency):
    refused = assume(carol, agency)
    other = cloud_of(app, {"account": "other", "user": "dave", "password": "Dave-Public-1", "project_id": "other-main"})
    assert (refused.status_code, refused.json()) == (403, assume(other).json())


@pytest.mark.parametrize(
    "identity",
    [
        {"methods": ["assume_role"]},
        {"methods": ["assume_role"], "assume_role": {"domain_name": "acme"}},
        {"methods": ["assume_role"], "assume_role": {"agency_name": "ops"}},
        {"methods": ["assume_role"], "assume_role": OPS | {"duration_seconds": 899}},
        {"methods": ["assume_role", "token"], "assume_role": OPS},
    ],
)
def test_a_request_outside_the_rules_is_refused(carol, refusal, identity):
    assert refusal(carol.call("POST", KEYS, json={"auth": {"identity": identity}})) == (400, "IAM.0007")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"id": "alice-id"}, "ids of users and agencies"),
        ({"trusts": []}, "agencies.0.trusts"),
        ({"trust": ["zeta"]}, "agencies.0.trust"),
    ],
)
def test_a_mistake_in_the_file_is_named(tmp_path, change, reason):
    with pytest.raises(SettingsError, match=reason):
        create_app(accounts=accounts_file(tmp_path, **change))
