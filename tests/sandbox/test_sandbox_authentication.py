"""Who is let in: signatures against the documents' own vectors, tokens, projects. docs/api/devserver-api.md section 6."""

import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from provisioner.sandbox import PUBLIC
from provisioner.sandbox.signature import Authorization, SignedRequest, verify

VECTORS = json.loads((Path(__file__).parents[1] / "cloud" / "signing-vectors.json").read_text())
BY_NAME = {vector["name"]: vector for vector in VECTORS}
PROJECT_PATH = f"/v1/{PUBLIC.project_id}/dev-servers"


def every_vector(function):
    return pytest.mark.parametrize("vector", VECTORS, ids=BY_NAME)(function)


def headers_of(vector) -> dict[str, str]:
    return (
        vector["headers"]
        | vector["extra_headers_added_by_signer"]
        | {"Authorization": vector["expected_authorization"]}
    )


def signed_request(vector, **changes) -> tuple[SignedRequest, Authorization]:
    url = urlsplit(vector["url"])
    request = {
        "method": vector["method"],
        "raw_path": url.path.encode(),
        "raw_query": url.query.encode(),
        "headers": {name.lower(): value for name, value in headers_of(vector).items()},
        "body": vector["body"].encode(),
    } | changes
    authorization = Authorization.parse(vector["expected_authorization"])
    assert authorization is not None
    return SignedRequest(**request), authorization


def send(cloud, vector, **changes):
    headers = {**headers_of(vector), **changes.pop("headers", {})}
    return cloud.send(vector["method"], vector["url"], content=vector["body"], headers=headers, **changes)


def refused(answer) -> bool:
    return answer.status_code == 401 and answer.json()["error_code"] == "APIG.0301" and "request_id" in answer.json()


@every_vector
def test_every_vector_of_the_documents_verifies(vector):
    assert verify(*signed_request(vector), vector["secret_key"])


@every_vector
def test_no_vector_verifies_for_another_request(vector):
    secret = vector["secret_key"]
    assert not verify(*signed_request(vector), "another secret")
    assert not verify(*signed_request(vector, raw_path=b"/elsewhere"), secret)
    assert not verify(*signed_request(vector, raw_query=b"added=1"), secret)
    assert not verify(*signed_request(vector, method="PATCH"), secret)
    request, _ = signed_request(vector)
    assert not verify(*signed_request(vector, headers={**request.headers, "x-sdk-date": "20260102T030406Z"}), secret)
    if "x-sdk-content-sha256" not in request.headers:
        assert not verify(*signed_request(vector, body=b"another body"), secret)


@every_vector
def test_every_vector_is_let_in_at_its_own_time(cloud, vector):
    assert send(cloud, vector).status_code not in {401, 403}


def test_a_signed_create_is_executed(cloud):
    answer = send(cloud, BY_NAME["create-dev-server-post-json"])
    assert answer.status_code == 200
    assert answer.json()["name"] == "EI-evs-1107"


@pytest.mark.parametrize(("minutes", "let_in"), [(15, True), (-15, True), (15.1, False), (-15.1, False)])
def test_a_signature_is_good_for_fifteen_minutes_either_way(cloud, minutes, let_in):
    cloud.clock.advance(minutes * 60)
    answer = send(cloud, BY_NAME["list-dev-servers-get-query"])
    assert answer.status_code == 200 if let_in else refused(answer)


@pytest.mark.parametrize(
    "authorization",
    [
        "Basic abc",
        "SDK-HMAC-SHA256",
        "SDK-HMAC-SHA256 Access=, SignedHeaders=, Signature=",
        "V11-HMAC-SHA256 Credential=EXAMPLEAK0000000001/20260102/cn-north-4/modelarts, SignedHeaders=host, Signature=00",
        f"SDK-HMAC-SHA256 Access=UNKNOWN, SignedHeaders=host;x-sdk-date, Signature={'0' * 64}",
        f"SDK-HMAC-SHA256 Access=EXAMPLEAK0000000001, SignedHeaders=x-not-sent, Signature={'0' * 64}",
        f"SDK-HMAC-SHA256 Access=EXAMPLEAK0000000001, SignedHeaders=host;x-sdk-date, Signature={'0' * 64}",
    ],
)
def test_any_other_authorization_is_refused(cloud, authorization):
    assert refused(send(cloud, BY_NAME["minimal-signed-headers"], headers={"Authorization": authorization}))


class TestLockedKeys:
    """Section 6.1: more than five failures in a row lock a key for five minutes."""

    GOOD = BY_NAME["list-dev-servers-get-query"]
    BAD = f"{GOOD['expected_authorization'][:-64]}{'0' * 64}"

    def fail(self, cloud, times: int) -> None:
        for _ in range(times):
            assert refused(send(cloud, self.GOOD, headers={"Authorization": self.BAD}))

    def test_the_sixth_failure_locks_and_time_unlocks(self, cloud):
        self.fail(cloud, 6)
        locked = send(cloud, self.GOOD)
        assert refused(locked)
        assert locked.json()["error_msg"].endswith("AK access failed to reach the limit,forbidden")
        cloud.clock.advance(300)
        assert send(cloud, self.GOOD).status_code == 200

    def test_a_success_breaks_the_row(self, cloud):
        for _ in range(3):
            self.fail(cloud, 5)
            assert send(cloud, self.GOOD).status_code == 200

    def test_tokens_are_not_locked_with_the_keys(self, cloud):
        self.fail(cloud, 6)
        assert cloud.call("GET", PROJECT_PATH).status_code == 200


@pytest.mark.parametrize("date", ["", "yesterday", "2026-01-02T03:04:05Z"])
def test_a_signature_needs_a_date(cloud, date):
    assert refused(send(cloud, BY_NAME["minimal-signed-headers"], headers={"X-Sdk-Date": date}))


def test_a_call_without_credentials_is_refused(cloud):
    assert refused(cloud.send("GET", PROJECT_PATH))


@pytest.mark.parametrize("token", ["", "unknown"])
def test_an_unknown_token_is_refused(cloud, token):
    assert refused(cloud.send("GET", PROJECT_PATH, headers={"X-Auth-Token": token}))


def test_a_token_lives_a_day(cloud):
    cloud.clock.advance(86_399)
    assert cloud.call("GET", PROJECT_PATH).status_code == 200
    cloud.clock.advance(1)
    assert refused(cloud.call("GET", PROJECT_PATH))


def test_a_new_token_does_not_end_the_old_one(cloud):
    old = cloud.project_token
    cloud.renew_tokens()
    assert cloud.call("GET", PROJECT_PATH, token=old).status_code == 200


def test_a_token_of_the_project_opens_no_other(cloud):
    assert refused(cloud.call("GET", f"/v1/{'f' * 32}/dev-servers"))


def test_a_token_of_the_account_opens_no_project(cloud):
    answer = cloud.call("GET", PROJECT_PATH, token=cloud.account_token)
    assert (answer.status_code, answer.json()["error_code"]) == (403, "APIG.0302")


def test_a_token_of_the_project_opens_no_billing(cloud):
    answer = cloud.call("GET", "/v2/orders/customer-orders", token=cloud.project_token)
    assert (answer.status_code, answer.json()["error_code"]) == (403, "CBC.0151")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/v1"), ("PATCH", PROJECT_PATH), ("GET", f"{PROJECT_PATH}/"), ("POST", "/v3/projects")],
)
def test_an_unknown_route_is_refused_by_the_gateway(cloud, method, path):
    answer = cloud.call(method, path)
    assert (answer.status_code, answer.json()["error_code"]) == (404, "APIG.0101")


def test_every_answer_carries_its_own_id_and_one_date(cloud):
    answers = [cloud.call("GET", path) for path in (PROJECT_PATH, f"{PROJECT_PATH}/none", "/nowhere")]
    assert len({answer.headers["X-Request-Id"] for answer in answers}) == 3
    for answer in answers:
        assert answer.headers.get_list("Date") == ["Fri, 02 Jan 2026 03:04:05 GMT"]


def test_a_body_that_cannot_be_signed_is_refused(cloud):
    answer = cloud.call("POST", PROJECT_PATH, content=b" " * (12 * 1024 * 1024 + 1))
    assert (answer.status_code, answer.json()["error_code"]) == (400, "APIG.0201")
