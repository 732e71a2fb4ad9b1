"""Wire faults over real HTTP: what a client gets, byte by byte, and what the ledger says was done."""

import json
import time

import httpx
import pytest

from provisioner.sandbox import read_ledger

CREATE = {"at": "CreateDevServer"}


@pytest.fixture
def cloud(served_cloud):
    return served_cloud


@pytest.fixture
def purchases(world):
    return lambda: [entry.name for entry in read_ledger(world) if entry.kind == "purchase"]


class TestReset:
    @pytest.mark.parametrize("executed", [True, False])
    def test_the_connection_is_reset_and_the_ledger_knows(self, cloud, purchases, executed):
        cloud.arm({**CREATE, "fault": "reset", "executed": executed})
        with pytest.raises(httpx.ReadError) as lost:
            cloud.create()
        assert isinstance(root(lost.value), ConnectionResetError)
        assert purchases() == ["trainer"] * executed
        assert cloud.create().status_code == 200
        assert cloud.hits() == [1]

    def test_inside_a_process_the_connection_that_is_not_there_breaks_too(self, clock, open_cloud):
        cloud = open_cloud()
        cloud.arm({**CREATE, "fault": "reset", "executed": True})
        with pytest.raises(ConnectionResetError):
            cloud.create()
        assert cloud.servers()["total"] == 1


def root(error: BaseException) -> BaseException:
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return error


class TestAnswer:
    @pytest.mark.parametrize("executed", [True, False])
    def test_a_5xx_is_answered_whether_or_not_it_was_done(self, cloud, purchases, executed):
        rule = {**CREATE, "fault": "answer", "status": 502, "code": "APIG.0203", "message": "Backend timeout."}
        cloud.arm(rule | {"executed": executed})
        answer = cloud.create()
        assert answer.status_code == 502
        body = answer.json()
        assert body == {
            "error_code": "APIG.0203",
            "error_msg": "Backend timeout.",
            "request_id": answer.headers["X-Request-Id"],
        }
        assert purchases() == ["trainer"] * executed

    def test_a_redirect_has_headers_and_no_body(self, cloud):
        rule = {"fault": "answer", "status": 307, "headers": {"Location": "/elsewhere"}, "executed": False}
        cloud.arm({"at": ["ListDevServers", "ShowDevServer"], "times": "always", **rule})
        answer = cloud.call("GET", cloud.SERVERS)
        assert (answer.status_code, answer.headers["Location"], answer.content) == (307, "/elsewhere", b"")
        assert cloud.call("GET", f"{cloud.SERVERS}/all").status_code == 200

    def test_a_refusal_that_was_executed_is_in_the_ledger_though_another_is_answered(self, cloud, world):
        cloud.arm({**CREATE, "fault": "answer", "status": 500, "executed": True})
        assert cloud.create(flavor="sandbox.sold-out").status_code == 500
        assert [entry.kind for entry in read_ledger(world)] == ["refusal"]


class TestThrottle:
    def test_the_gateway_names_its_limit(self, cloud, purchases):
        cloud.arm({**CREATE, "fault": "throttle", "limit": 30, "time": "2 second"})
        answer = cloud.create()
        assert (answer.status_code, answer.json()["error_code"]) == (429, "APIG.0308")
        assert answer.json()["error_msg"].endswith("over ratelimit,limit:30,time:2 second")
        assert "Retry-After" not in answer.headers
        assert purchases() == []

    def test_it_may_say_when_to_come_back(self, cloud):
        cloud.arm({"at": "*", "fault": "throttle", "retry_after": 7})
        assert cloud.call("GET", cloud.SERVERS).headers["Retry-After"] == "7"

    @pytest.mark.parametrize(
        ("path", "code"),
        [
            ("/v1/0123456789abcdef0123456789abcdef/dev-servers", "ModelArts.0116"),
            ("/v2/orders/customer-orders", "CBC.0999"),
            ("/v3/projects", None),
        ],
    )
    def test_a_service_does_it_in_its_own_words(self, cloud, path, code):
        cloud.arm({"at": "*", "fault": "throttle", "by": "service"})
        answer = cloud.call("GET", path)
        assert answer.status_code == 429
        assert answer.json().get("error_code") == code


class TestTruncate:
    def test_half_of_what_the_head_promises_comes(self, cloud, purchases):
        cloud.arm({**CREATE, "fault": "truncate"})
        with pytest.raises(httpx.RemoteProtocolError, match="peer closed connection without sending complete message"):
            cloud.create()
        assert purchases() == ["trainer"]
        whole = cloud.bought()
        assert whole["status"] == "CREATING"

    def test_what_has_no_body_cannot_be_cut(self, cloud, prepaid):
        order = cloud.bought(charging_info={**prepaid, "is_auto_pay": False})["order_id"]
        cloud.arm({"at": "CancelCustomerOrder", "fault": "truncate"})
        answer = cloud.call("PUT", "/v2/orders/customer-orders/cancel", json={"order_id": order})
        assert (answer.status_code, answer.content) == (204, b"")


class TestOversize:
    def test_the_true_answer_comes_with_a_lot_of_nothing(self, cloud):
        server = cloud.bought()
        cloud.arm({"at": "ShowDevServer", "fault": "oversize", "megabytes": 3})
        answer = cloud.show(server["id"])
        assert len(answer.content) > 3 * 1024**2
        assert int(answer.headers["Content-Length"]) == len(answer.content)
        assert json.loads(answer.content)["id"] == server["id"]

    def test_no_body_has_no_padding(self, cloud, prepaid):
        order = cloud.bought(charging_info={**prepaid, "is_auto_pay": False})["order_id"]
        cloud.arm({"at": "CancelCustomerOrder", "fault": "oversize", "megabytes": 1})
        answer = cloud.call("PUT", "/v2/orders/customer-orders/cancel", json={"order_id": order})
        assert (answer.status_code, answer.content) == (204, b"")


class TestSlow:
    def test_the_answer_waits_and_the_work_does_not(self, cloud, purchases):
        cloud.arm({**CREATE, "fault": "slow", "seconds": 60})
        with pytest.raises(httpx.ReadTimeout):
            cloud.create_within(0.2)
        assert purchases() == ["trainer"]
        assert cloud.servers()["total"] == 1, "nobody else is held up"

    def test_it_comes_in_drops(self, cloud):
        server = cloud.bought()
        cloud.arm({"at": "ShowDevServer", "fault": "slow", "seconds": 0, "bytes_per_second": 2000})
        begun = time.monotonic()
        assert cloud.show(server["id"]).json()["id"] == server["id"]
        assert time.monotonic() - begun > 0.1


class TestWhoIsHit:
    def test_so_many_pass_and_so_many_are_hit(self, cloud):
        cloud.arm({"at": "ListDevServers", "after": 2, "times": 2, "fault": "throttle"})
        answers = [cloud.call("GET", cloud.SERVERS).status_code for _ in range(6)]
        assert answers == [200, 200, 429, 429, 200, 200]
        assert cloud.hits() == [2]

    def test_rules_are_used_up_one_after_the_other(self, cloud):
        for status in (500, 503):
            cloud.arm({"at": "ListDevServers", "fault": "answer", "status": status, "executed": False})
        assert [cloud.call("GET", cloud.SERVERS).status_code for _ in range(3)] == [500, 503, 200]

    def test_by_the_name_of_the_server(self, cloud):
        cloud.arm({"at": "*", "server": "alpha*", "times": "always", "fault": "throttle"})
        assert cloud.create(name="alpha-1").status_code == 429
        beta = cloud.bought(name="beta")["id"]
        assert cloud.show(beta).status_code == 200
        renaming = cloud.call("PUT", f"{cloud.SERVERS}/{beta}", json={"name": "alpha-2"})
        assert renaming.status_code == 429, "the name it gives"
        assert cloud.servers()["total"] == 1, "a list has no server"

    def test_by_the_name_of_the_server_in_the_path(self, cloud):
        alpha = cloud.bought(name="alpha")["id"]
        cloud.arm({"at": "ShowDevServer", "server": "alpha", "fault": "throttle"})
        assert [cloud.show(each).status_code for each in ("unknown", alpha, alpha)] == [400, 429, 200]

    def test_who_shows_no_credentials_meets_no_fault(self, cloud):
        cloud.arm({"at": "*", "fault": "throttle"})
        assert cloud.send("GET", cloud.SERVERS).status_code == 401
        assert cloud.hits() == [0]
        assert cloud.token_answer(None).status_code == 429

    @pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b'{"name": 7}', b"[" * 100_000])
    def test_a_body_without_a_name_has_no_name(self, cloud, body):
        cloud.arm({**CREATE, "server": "*", "fault": "throttle"})
        assert cloud.call("POST", cloud.SERVERS, content=body).status_code == 400
        assert cloud.hits() == [0]
