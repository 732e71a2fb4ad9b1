"""ID tokens of an identity provider, exchanged for a token, and that for temporary keys. Section 6.3 of the reference."""

import json

import pytest
from support.id_token_issuer import ANOTHER_KEY, AUDIENCE, PROVIDER_KEY, identity_provider, issue_id_token
from support.temporary_key import signed_by

from provisioner.sandbox import SettingsError, create_app

EXCHANGE = "/v3.0/OS-AUTH/id-token/tokens"
KEYS = "/v3.0/OS-CREDENTIAL/securitytokens"
ANA = {"account": "acme", "user": "ana", "password": "Ana-Public-1", "project_id": "acme-main"}
IN_AN_HOUR = 1_767_323_045 + 3600


def accounts_file(folder, **changes):
    user = {"id": "ana-id", "name": "ana", "password": "Ana-Public-1", "access_key": "ANAKEY", "secret_key": "secret"}
    projects = [{"id": "acme-main", "name": "cn-north-4"}]
    providers = [identity_provider("ana", **changes)]
    account = {"id": "acme-id", "name": "acme", "projects": projects, "users": [user], "identity_providers": providers}
    path = folder / "accounts.yaml"
    path.write_text(json.dumps({"accounts": [account]}))
    return path


@pytest.fixture
def ana(world, clock, cloud_of, tmp_path):
    return cloud_of(create_app(world, clock=clock, accounts=accounts_file(tmp_path)), ANA)


def exchange(cloud, token: str | None = None, provider: str | None = "acme-gitlab", **auth):
    headers = {} if provider is None else {"X-Idp-Id": provider}
    value = issue_id_token(ends_at=IN_AN_HOUR) if token is None else token
    return cloud.send("POST", EXCHANGE, json={"auth": {"id_token": {"id": value}, **auth}}, headers=headers)


def keys_by(cloud, token: str, **options):
    identity = {"methods": ["token"], "token": {"id": token, "duration_seconds": 3600}}
    return cloud.send("POST", KEYS, json={"auth": {"identity": identity}}, **options)


def test_it_becomes_a_token_and_that_temporary_keys(ana):
    answer = exchange(ana)
    assert answer.status_code == 201
    token = answer.json()["token"]
    assert (token["methods"], token["user"]["name"], "project" in token, "domain" in token) == (
        ["mapped"],
        "ana",
        False,
        False,
    )
    keys = keys_by(ana, answer.headers["X-Subject-Token"]).json()["credential"]
    assert keys["expires_at"] == "2026-01-02T04:04:05.000000Z"
    assert signed_by(ana, keys, "/v1/acme-main/dev-servers").status_code == 200


def test_a_token_without_a_scope_opens_nothing_else(ana, refusal):
    token = exchange(ana).headers["X-Subject-Token"]
    for path in (ana.SERVERS, "/v2/orders/customer-orders", "/v3/projects"):
        assert refusal(ana.call("GET", path, token=token)) == (401, "APIG.0301")
    scoped = exchange(ana, scope={"project": {"id": "acme-main"}}).headers["X-Subject-Token"]
    assert ana.call("GET", ana.SERVERS, token=scoped).status_code == 200


def test_a_token_in_the_body_is_no_credential_elsewhere(ana, refusal):
    body = {"auth": {"identity": {"methods": ["token"], "token": {"id": ana.project_token}}}}
    assert refusal(ana.send("POST", ana.SERVERS, json=body)) == (401, "APIG.0301")
    for broken in ("[]", "{", json.dumps({"auth": {"identity": {"methods": ["token"], "token": {"id": 7}}}})):
        assert refusal(ana.send("POST", KEYS, content=broken)) == (401, "APIG.0301")


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"key": ANOTHER_KEY}, "no key"),
        ({"header": {"alg": "none"}}, "RS256"),
        ({"header": {"alg": "HS256", "kid": "key-1"}}, "RS256"),
        ({"header": {"alg": "RS256", "kid": ["key-1"]}}, "no key"),
        ({"header": {"alg": "RS256", "kid": "key-2"}}, "no key"),
        ({"header": []}, "JSON Web Token"),
        ({"iss": "https://evil.example.com"}, "issuer"),
        ({"aud": "another"}, "audience"),
        ({"aud": None}, "audience"),
        ({"ends_at": IN_AN_HOUR - 3600}, "expired"),
        ({"exp": None}, "until when"),
        ({"exp": float("nan")}, "until when"),
        ({"exp": True}, "until when"),
        ({"nbf": IN_AN_HOUR}, "not yet"),
        ({"sub": None}, "no subject"),
    ],
)
def test_a_token_that_proves_nothing_is_refused(ana, claims, reason):
    refused = exchange(ana, issue_id_token(**{"ends_at": IN_AN_HOUR} | claims))
    assert refused.status_code == 401
    assert reason in refused.json()["error"]["message"]


@pytest.mark.parametrize("token", ["", "a.b", "a.b.c", "!.!.!", "e30.e30." + "A" * 171, "W10.W10.", "[" * 2000])
def test_what_is_no_token_is_refused(ana, token):
    assert exchange(ana, token).status_code == 401


def test_a_changed_token_is_refused(ana):
    head, _, signature = issue_id_token(ends_at=IN_AN_HOUR).split(".")
    body = issue_id_token(ends_at=IN_AN_HOUR + 9999).split(".")[1]
    assert exchange(ana, f"{head}.{body}.{signature}").status_code == 401


def test_one_of_several_audiences_and_an_unnamed_key_will_do(ana):
    token = issue_id_token(ends_at=IN_AN_HOUR, aud=["x", AUDIENCE], header={"alg": "RS256"})
    assert exchange(ana, token).status_code == 201


def test_it_ends_by_the_clock_of_the_world(ana):
    ana.clock.advance(3600)
    assert exchange(ana).status_code == 401


def test_a_subject_that_is_mapped_to_nobody_and_an_unknown_provider_are_refused(ana, refusal):
    assert exchange(ana, issue_id_token(ends_at=IN_AN_HOUR, sub="project_path:evil/fork")).status_code == 403
    assert exchange(ana, provider="another").status_code == 401
    assert refusal(exchange(ana, provider=None)) == (400, "IAM.0007")
    assert refusal(ana.send("POST", EXCHANGE, json={"auth": {}}, headers={"X-Idp-Id": "x"})) == (400, "IAM.0007")


WEAK = PROVIDER_KEY.public() | {"n": "AQAB"}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"users": {"x": "nobody"}}, "must be users of the account"),
        ({"signing_key": {"keys": []}}, "signing_key.keys"),
        ({"signing_key": {"keys": [WEAK]}}, "1024 bits"),
        ({"signing_key": {"keys": [WEAK | {"n": "!"}]}}, "signing_key.keys.0"),
        ({"signing_key": {"keys": [WEAK | {"kty": "EC"}]}}, "signing_key.keys.0.kty"),
    ],
)
def test_a_mistake_in_the_file_is_named(tmp_path, change, reason):
    with pytest.raises(SettingsError, match=reason):
        create_app(accounts=accounts_file(tmp_path, **change))
