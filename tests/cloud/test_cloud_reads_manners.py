"""Questions go the way of all requests: the account's identity, the retries, the budget, the size cap, honest refusals."""

import asyncio
import subprocess
import sys
from typing import Any

import httpx
import pytest
from support.token_cloud import USER, TokenCloud

from provisioner.cloud import Channel, list_projects, read_names, translate
from provisioner.cloud.catalogue import list_flavors
from provisioner.cloud.orders import list_orders, show_order
from provisioner.cloud.subscriptions import list_subscriptions
from provisioner.model.flow import Call, CallFailed, Effect, Service
from provisioner.model.identity import Identity
from provisioner.model.secret import SecretReference, SecretSource
from provisioner.web.client import MAX_ANSWER

NO_ORDERS = {"total_count": 0, "order_infos": []}
QUESTIONS = [list_flavors, list_orders, list_subscriptions]


def ask(connect_to, handler, question, **changes: Any) -> Any:
    async def conversation() -> Any:
        async with connect_to(handler, **changes) as cloud, cloud.channel() as channel:
            return await question(channel.ask)

    return asyncio.run(conversation())


class Answers:
    """One after the other; the last for ever."""

    def __init__(self, *answers: httpx.Response) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


def test_billing_is_asked_for_the_account(connect_to) -> None:
    answers = Answers(httpx.Response(200, json=NO_ORDERS))
    assert ask(connect_to, answers, list_orders) == ()
    (request,) = answers.requests
    assert request.url.host == "bss.myhuaweicloud.com"
    assert request.headers["x-domain-id"] == "account-1"
    assert "x-project-id" not in request.headers


def test_a_password_asks_billing_with_a_token_of_the_account(connect_to) -> None:
    cloud = TokenCloud()
    with pytest.raises(CallFailed):  # it answers {} to everything
        ask(connect_to, cloud, list_orders, credentials=USER, project_id=None, domain_id=None)
    assert cloud.scopes == [{"project": {"name": "cn-north-4"}}, {"domain": {"name": "acme"}}]
    assert cloud.used == [("bss", "canary-token-2")]


@pytest.mark.parametrize("question", QUESTIONS)
def test_who_may_not_ask_is_told_so_at_once(connect_to, question) -> None:
    refused = httpx.Response(403, json={"error_code": "CBC.0151", "error_msg": "no"}, headers={"X-Request-Id": "req-1"})
    answers = Answers(refused)
    with pytest.raises(CallFailed) as failed:
        ask(connect_to, answers, question)
    assert len(answers.requests) == 1
    (finding,) = translate(failed.value, "listing").diagnostics
    assert (finding.code, finding.request_id) == ("cloud-denied", "req-1")
    assert "administrator" in finding.hint


@pytest.mark.parametrize("first", [httpx.Response(500), httpx.Response(429, headers={"Retry-After": "2"})], ids=repr)
def test_a_question_is_asked_again_also_where_it_is_a_post(connect_to, first) -> None:
    answers = Answers(first, httpx.Response(200, json={"total_count": 0, "data": []}))
    assert ask(connect_to, answers, list_subscriptions) == ()
    assert [request.method for request in answers.requests] == ["POST", "POST"]


def test_an_answer_without_end_is_cut_off(connect_to) -> None:
    answers = Answers(httpx.Response(200, content=b" " * (MAX_ANSWER + 1)))
    with pytest.raises(CallFailed, match="larger than 32 MiB"):
        ask(connect_to, answers, list_orders)


@pytest.mark.parametrize("body", [b"", b"[]", b"7", b"<html>", b'{"total_count": "many"}'])
def test_an_answer_that_is_none_names_its_request_and_what_to_do(connect_to, body: bytes) -> None:
    answers = Answers(httpx.Response(200, content=body, headers={"X-Request-Id": "req-1"}))
    with pytest.raises(CallFailed) as failed:
        ask(connect_to, answers, list_orders)
    (finding,) = translate(failed.value, "listing the orders").diagnostics
    assert finding.summary.startswith(
        "listing the orders failed: the answer to GET /v2/orders/customer-orders cannot be used"
    )
    assert finding.request_id == "req-1"
    assert "give the request id to the vendor's support" in finding.hint


def test_a_question_carries_no_secret(connect_to) -> None:
    answers = Answers(httpx.Response(200, json={}))
    reference = SecretReference(SecretSource.ENVIRONMENT, "PASSWORD")
    call = Call(Service.BILLING, "POST", "/x", Effect.READ, body={"password": reference})

    async def conversation() -> None:
        async with connect_to(answers) as cloud, cloud.channel() as channel:
            assert isinstance(channel, Channel)
            await channel.ask(call)

    with pytest.raises(AssertionError):
        asyncio.run(conversation())
    assert answers.requests == []


def test_who_may_not_list_an_accounts_projects_is_shown_his_own(connect_to) -> None:
    own = {"projects": [{"id": "p1", "name": "cn-north-4"}, {"id": "p2", "name": "other"}]}
    answers = Answers(httpx.Response(403), httpx.Response(200, json=own))
    (project,) = ask(connect_to, answers, lambda asker: list_projects(asker, name="other"))
    assert (project.id, project.account, project.enabled) == ("p2", None, None)
    assert [request.url.path for request in answers.requests] == ["/v3/projects", "/v3/auth/projects"]


@pytest.mark.parametrize("status", [403, 404])
def test_names_that_may_not_be_asked_for_are_unknown(connect_to, status: int) -> None:
    identity = Identity("d", "p", "r")
    assert ask(connect_to, Answers(httpx.Response(status)), lambda asker: read_names(asker, identity)) == (None, None)


def test_credentials_that_are_not_believed_are_no_reason_for_silence(connect_to) -> None:
    with pytest.raises(CallFailed):
        ask(connect_to, Answers(httpx.Response(401)), lambda asker: read_names(asker, Identity("d", "p", "r")))


def test_an_order_is_asked_for_by_its_id(connect_to) -> None:
    answers = Answers(httpx.Response(200, json={"order_info": {"order_id": "CS1", "status": 6}}))
    ask(connect_to, answers, lambda asker: show_order(asker, "CS1"))
    assert answers.requests[0].url.path == "/v2/orders/customer-orders/details/CS1"


def test_who_does_not_ask_does_not_load_what_asks() -> None:
    """Start-up is part of the interface: these rooms' many small types take their time to be made."""
    script = (
        "import sys, provisioner.cloud; "
        "print([name for name in sys.modules if name.rpartition('.')[2] in "
        "('catalogue', 'orders', 'prices', 'subscriptions') and name.startswith('provisioner.cloud')])"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
