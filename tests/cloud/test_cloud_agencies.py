"""Keys of an agency and of an ID token, over the wire: how they are asked for, renewed, and whose they are."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.id_token_issuer import issue_id_token

from provisioner.cloud import AccessKey, Agency, AssumedAgency, IdToken, InstanceAgency, IssuedToken, Password
from provisioner.model.diagnostic import CloudError, UsageError
from provisioner.model.flow import Call, CallFailed, Effect, Outcome, Service
from provisioner.model.identity import TEMPORARY_KEY_PREFIX
from provisioner.model.secret import Secret

KEY = AccessKey("BASEKEY", Secret("canary-secret-key"))
OPS = Agency("ops", None, "acme", 1800)
TOKEN = issue_id_token(ends_at=2_000_000_000.0)
OPEN = {"project_id": None, "domain_id": None}
DATE = "Thu, 01 Jan 2026 {:02}:{:02}:00 GMT"


class AgencyCloud:
    """Gives keys named by their number, and shows one project of one account to them."""

    def __init__(self, time: Any) -> None:
        self.time = time
        self.asked: list[tuple[dict[str, Any], dict[str, str]]] = []
        self.id_tokens: list[tuple[str, str]] = []
        self.used: list[str] = []
        self.life = 3600
        self.account = "acme-id"
        self.user: Any = "federated-1"
        self.disbelieved: set[str] = set()
        self.refusal: httpx.Response | None = None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        minutes = int(self.time.seconds - 1_767_268_800) // 60
        answer = self.answer(request)
        answer.headers.setdefault("Date", DATE.format(12 + minutes // 60, minutes % 60))
        return answer

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path == "/v3.0/OS-CREDENTIAL/securitytokens" or path.endswith("securitykey"):
            if self.refusal is not None and b"assume_role" in request.content:
                return self.refusal
            given = json.loads(request.content)["auth"]["identity"] if request.content else {"methods": ["metadata"]}
            self.asked.append((given, dict(request.headers)))
            number, ends = len(self.asked), self.time.seconds - 1_767_268_800 + self.life
            credential = {"access": f"AK{number}", "secret": f"canary-secret-{number}"}
            end = f"2026-01-01T{12 + int(ends) // 3600:02}:{int(ends) // 60 % 60:02}:{int(ends) % 60:02}Z"
            credential |= {"securitytoken": f"canary-token-{number}", "expires_at": end}
            return httpx.Response(201, json={"credential": credential})
        if path == "/v3.0/OS-AUTH/id-token/tokens":
            token = json.loads(request.content)["auth"]["id_token"]["id"]
            self.id_tokens.append((request.headers["x-idp-id"], token))
            headers = {"X-Subject-Token": f"canary-subject-{len(self.id_tokens)}"}
            return httpx.Response(201, json={"token": {"user": {"id": self.user}}}, headers=headers)
        if path == "/v3/auth/tokens":
            self.asked.append((json.loads(request.content)["auth"], dict(request.headers)))
            grant = {"expires_at": "2026-01-02T12:00:00Z", "user": {"id": "ann-id"}}
            return httpx.Response(201, json={"token": grant}, headers={"X-Subject-Token": "canary-ann"})
        key = request.headers["authorization"].partition("Access=")[2].partition(",")[0]
        self.used.append(key)
        if key in self.disbelieved:
            return httpx.Response(401, json={"error_code": "APIGW.0301", "error_msg": "no"})
        project = {"id": "p", "name": "cn-north-4", "domain_id": self.account}
        return httpx.Response(200, json={"projects": [project]})


@pytest.fixture
def cloud(time) -> AgencyCloud:
    return AgencyCloud(time)


def call(effect: Effect = Effect.READ, service: Service = Service.MODELARTS) -> Call:
    return Call(service, "GET", "/x", effect)


def converse(connect_to, cloud, credentials, *steps: Call | Callable[[], None], **known: Any):
    async def conversation():
        async with connect_to(cloud, credentials=credentials, **OPEN | known) as connected:
            async with connected.channel() as channel:
                for step in steps:
                    if isinstance(step, Call):
                        await channel.send(step, lambda _: None)
                    else:
                        step()
            return connected

    return asyncio.run(conversation())


def id_token_file(folder: Path, token: str = TOKEN) -> IdToken:
    (folder / "token").write_text(token)
    return IdToken("acme-gitlab", path=folder / "token")


def test_an_agency_is_assumed_by_a_signed_request_and_its_account_confirmed(connect_to, cloud) -> None:
    agency = Agency("ops", "acme-id", "acme", 1800)
    connected = converse(connect_to, cloud, AssumedAgency(agency, KEY), call(), project_id="p", domain_id="acme-id")
    assert (connected.identity.account, connected.identity.project) == ("acme-id", "p")
    ((given, headers),) = cloud.asked
    role = {"agency_name": "ops", "domain_id": "acme-id", "domain_name": "acme", "duration_seconds": 1800}
    assert given == {"methods": ["assume_role"], "assume_role": role}
    assert "Access=BASEKEY," in headers["authorization"]
    assert cloud.used == ["AK1", "AK1"]


@pytest.mark.parametrize("known", [{"domain_id": "acme-id"}, {"domain_id": "acme-id", "project_id": "p"}])
def test_keys_of_another_account_than_the_agencys_are_refused(connect_to, cloud, known) -> None:
    cloud.account = "evil-id"
    with pytest.raises(UsageError, match="no project"):
        converse(connect_to, cloud, AssumedAgency(OPS, KEY), **known)


@pytest.mark.parametrize(
    ("base", "proof"),
    [
        (AccessKey("BASEKEY", Secret("canary-s"), Secret("canary-t")), ("x-security-token", "canary-t")),
        (IssuedToken(Secret("canary-issued")), ("x-auth-token", "canary-issued")),
        (Password("ann", Secret("canary-word"), "mine"), ("x-auth-token", "canary-ann")),
    ],
)
def test_whatever_the_base_credentials_are_they_prove_who_assumes(connect_to, cloud, base, proof) -> None:
    converse(connect_to, cloud, AssumedAgency(OPS, base), call())
    (headers,) = [headers for given, headers in cloud.asked if given.get("methods") == ["assume_role"]]
    assert headers[proof[0]] == proof[1]
    assert len(set(cloud.used)) == 1


@pytest.mark.parametrize(
    ("user", "scope"),
    [
        (AssumedAgency(OPS, Password("ann", Secret("canary"), "mine")), {"name": "mine"}),
        (AssumedAgency(OPS, Password(None, Secret("canary"), None, "ann-id"), "my-id"), {"id": "my-id"}),
    ],
)
def test_a_password_signs_in_to_its_own_account_to_assume_an_agency(connect_to, cloud, user, scope) -> None:
    converse(connect_to, cloud, user, call(), domain_id="acme-id")
    (signed_in,) = [given for given, _ in cloud.asked if "scope" in given]
    assert signed_in["scope"] == {"domain": scope}


def test_an_agency_may_be_assumed_with_keys_that_end_too(connect_to, cloud, time) -> None:
    time_passes = lambda: setattr(time, "seconds", time.seconds + 3000)  # noqa: E731
    converse(connect_to, cloud, AssumedAgency(OPS, InstanceAgency()), call(), time_passes, call())
    methods = [given["methods"] for given, _ in cloud.asked]
    assert methods == [["metadata"], ["assume_role"], ["metadata"], ["assume_role"]]
    assert cloud.used == ["AK2", "AK2", "AK4"]


def test_an_id_token_becomes_a_token_and_that_a_key(connect_to, cloud, tmp_path) -> None:
    connected = converse(connect_to, cloud, id_token_file(tmp_path), call(service=Service.BILLING))
    assert cloud.id_tokens == [("acme-gitlab", TOKEN)]
    ((given, headers),) = cloud.asked
    assert given == {"methods": ["token"], "token": {"id": "canary-subject-1", "duration_seconds": 3600}}
    assert not {"authorization", "x-auth-token"} & set(headers)
    assert connected.identity.account == "acme-id"


def test_an_agency_may_be_assumed_with_an_id_token(connect_to, cloud, tmp_path) -> None:
    converse(connect_to, cloud, AssumedAgency(OPS, id_token_file(tmp_path)), call())
    assert [given["methods"] for given, _ in cloud.asked] == [["token"], ["assume_role"]]
    assert "Access=AK1," in cloud.asked[1][1]["authorization"]
    assert set(cloud.used) == {"AK2"}


def test_the_file_is_read_anew_at_each_renewal(connect_to, cloud, time, tmp_path) -> None:
    newer = issue_id_token(ends_at=2_000_003_600.0)

    def an_hour_later():
        (tmp_path / "token").write_text(f"  {newer}\n")
        time.seconds += 3001

    converse(connect_to, cloud, id_token_file(tmp_path), call(), an_hour_later, call(Effect.PURCHASE))
    assert [token for _, token in cloud.id_tokens] == [TOKEN, newer]
    assert cloud.used == ["AK1", "AK1", "AK2"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read"),
        ("canary no token", "no ID token"),
        (issue_id_token(ends_at=2_000_000_000.0, sub="project_path:acme/another"), "of another user"),
        (issue_id_token(ends_at=2_000_000_000.0, iss="https://evil.example"), "of another user"),
    ],
)
def test_a_purchase_is_not_sent_when_the_token_cannot_be_read_again(
    connect_to, cloud, time, tmp_path, content, said
) -> None:
    def an_hour_later():
        (tmp_path / "token").unlink() if content is None else (tmp_path / "token").write_text(content)
        time.seconds += 3500

    with pytest.raises(CallFailed) as failed:
        converse(connect_to, cloud, id_token_file(tmp_path), call(), an_hour_later, call(Effect.PURCHASE))
    assert (failed.value.outcome, cloud.used) == (Outcome.NOT_SENT, ["AK1", "AK1"])
    assert said in failed.value.message
    assert "canary" not in failed.value.message


def test_a_key_that_cannot_be_renewed_serves_until_shortly_before_its_end(connect_to, cloud, time) -> None:
    failing = lambda: setattr(cloud, "refusal", httpx.Response(403, json={"error_code": "x", "error_msg": "y"}))  # noqa: E731
    cured = lambda: setattr(cloud, "refusal", None)  # noqa: E731

    def after(seconds: float) -> Callable[[], None]:
        return lambda: setattr(time, "seconds", time.seconds + seconds)

    buy = call(Effect.PURCHASE)
    steps = (buy, failing, after(3001), buy, buy, after(59), cured, buy, after(2), buy)
    converse(connect_to, cloud, AssumedAgency(OPS, KEY), *steps)
    assert cloud.used == ["AK1", "AK1", "AK1", "AK1", "AK1", "AK2"]
    with pytest.raises(CallFailed, match="y"):
        converse(connect_to, cloud, AssumedAgency(OPS, KEY), failing, after(3590), buy)


@pytest.mark.parametrize("life", [5, 119])
def test_a_purchase_is_never_sent_with_a_key_that_ends_under_it(connect_to, cloud, life) -> None:
    cloud.life = life
    for effect in (Effect.PURCHASE, Effect.DESTRUCTIVE):
        with pytest.raises(CallFailed, match="ends too soon") as failed:
            converse(connect_to, cloud, AssumedAgency(OPS, KEY), call(effect))
        assert failed.value.outcome is Outcome.NOT_SENT
    converse(connect_to, cloud, AssumedAgency(OPS, KEY), call())


def test_a_key_near_its_end_is_renewed_before_a_purchase(connect_to, cloud, time) -> None:
    cloud.life = 900
    later = lambda: setattr(time, "seconds", time.seconds + 451)  # noqa: E731
    converse(connect_to, cloud, AssumedAgency(OPS, KEY), call(Effect.PURCHASE), later, call(Effect.PURCHASE))
    assert cloud.used == ["AK1", "AK1", "AK2"]


def test_a_refused_key_is_dropped_and_fetched_anew(connect_to, cloud) -> None:
    cloud.disbelieved = {"AK1"}
    converse(connect_to, cloud, AssumedAgency(OPS, KEY), call(Effect.PURCHASE))
    assert cloud.used == ["AK1", "AK2", "AK2"]


def test_a_refused_purchase_is_not_sent_again_and_the_next_has_another_key(connect_to, cloud) -> None:
    refuse = lambda: cloud.disbelieved.add("AK1")  # noqa: E731

    def attempt():
        converse(connect_to, cloud, AssumedAgency(OPS, KEY), call(), refuse, call(Effect.PURCHASE))

    with pytest.raises(CallFailed) as failed:
        attempt()
    assert (failed.value.outcome, cloud.used) == (Outcome.REFUSED, ["AK1", "AK1", "AK1"])


def test_an_agency_that_does_not_trust_us_is_told_with_what_to_check(connect_to, cloud) -> None:
    error = {"error": {"code": 403, "message": "no", "title": "Forbidden"}}
    cloud.refusal = httpx.Response(403, json=error)
    with pytest.raises(CloudError) as refused:
        converse(connect_to, cloud, AssumedAgency(OPS, KEY))
    (finding,) = refused.value.diagnostics
    assert finding.code == "cloud-denied"
    assert "check that the account acme has the agency ops" in finding.summary


def test_the_user_is_known_by_agency_and_by_who_assumes_it(connect_to, cloud, tmp_path) -> None:
    def user(credentials, **known: Any) -> str:
        found: str = converse(connect_to, cloud, credentials, **known).user
        return found

    another = AccessKey("ANOTHER", Secret("canary-another"))
    users = [
        user(KEY),
        user(AssumedAgency(OPS, KEY)),
        user(AssumedAgency(OPS, another)),
        user(AssumedAgency(Agency("dev", None, "acme"), KEY)),
        user(id_token_file(tmp_path)),
        user(AssumedAgency(OPS, id_token_file(tmp_path))),
        user(id_token_file(tmp_path), user_named="pipeline"),
        user(AssumedAgency(OPS, InstanceAgency()), user_named="pipeline"),
    ]
    assert len(set(users)) == len(users)
    assert "" not in users
    assert user(AssumedAgency(Agency("ops", "acme-id", None), KEY)) == users[1]
    assert user(id_token_file(tmp_path)) == users[4]
    cloud.account = "another-account"
    assert user(AssumedAgency(OPS, KEY)) not in users
    temporary = AccessKey("T", Secret("canary-s"), Secret("canary-t"))
    assert user(AssumedAgency(OPS, temporary)).startswith(TEMPORARY_KEY_PREFIX)
    assert user(AssumedAgency(OPS, InstanceAgency())) == ""


@pytest.mark.parametrize("nobody", ["", None, 7])
def test_a_user_whom_the_cloud_does_not_name_is_unknown(connect_to, cloud, tmp_path, nobody) -> None:
    cloud.user = nobody
    assert converse(connect_to, cloud, id_token_file(tmp_path)).user == ""
    assert converse(connect_to, cloud, AssumedAgency(OPS, id_token_file(tmp_path))).user == ""


@pytest.mark.parametrize("subject", ["", "with a space"])
def test_an_exchange_without_a_token_is_unreadable(connect_to, cloud, tmp_path, subject) -> None:
    def broken(request):
        answer = cloud(request)
        if "x-subject-token" in answer.headers:
            answer.headers["x-subject-token"] = subject
        return answer

    with pytest.raises(CloudError, match="holds no token"):
        converse(connect_to, broken, id_token_file(tmp_path))
