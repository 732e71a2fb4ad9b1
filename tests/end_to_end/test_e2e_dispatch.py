"""A purchase that a machine sends long after its intent, and one under a lease: what the gateway refuses, and what is signed."""

import json
from datetime import UTC, datetime

import pytest
from support.process_workspace import ONE, STACK

from provisioner.sandbox import PUBLIC
from provisioner.store import Session

USER = {
    "HW_USER_NAME": PUBLIC.user_name,
    "HW_USER_PASSWORD": PUBLIC.user_password,
    "HW_DOMAIN_NAME": PUBLIC.domain_name,
}


@pytest.fixture
def leased(monkeypatch):
    """The lock of every run in this process is a lease."""
    monkeypatch.setattr(Session, "seconds_left", lambda _: 85.0)


@pytest.fixture
def with_password(workspace):
    workspace.write(ONE, stack=STACK.replace("cloud: sandbox", "cloud: huaweicloud"))
    workspace.environment |= USER
    return workspace


def records(workspace, kind):
    """The journal's records of this kind, wherever their line keeps them."""
    found = (record.get("entry", record) for record in workspace.journal_records)
    return [record for record in found if record.get("type") == kind]


def purchases_sent(proxy):
    return [one for one in proxy.exchanges if one.method == "POST" and one.path.endswith("/dev-servers")]


def test_a_purchase_that_arrives_long_after_its_intent_is_refused(workspace, proxy, clock):
    """As if a virtual machine had stood still between its last check and its first byte."""

    async def stand_still(exchange):
        clock.advance(16 * 60)
        answer = await exchange.carry_out()
        clock.advance(-16 * 60)  # the machine's clock is right again before anything else is sent
        await exchange.tell(answer)

    proxy.on(stand_still)
    ended = workspace.run_in_process("apply", "--auto-approve")
    assert (ended.code, workspace.purchases) == (7, {})
    assert "cloud-refused" in ended.text
    assert "in doubt" not in workspace.run_in_process("plan").text, "it was provably not carried out"
    assert [record["outcome"] for record in records(workspace, "settled")] == ["refused"]
    assert workspace.apply().code == 0
    assert workspace.purchases == {"alpha": 1}


def test_the_time_of_a_purchase_is_that_of_its_intent(workspace, proxy):
    assert workspace.apply().code == 0
    (sent,) = purchases_sent(proxy)
    (intent,) = records(workspace, "intended")
    moment = datetime.fromtimestamp(intent["intent"]["server_time"] / 1000, UTC)
    assert sent.headers["x-sdk-date"] == moment.strftime("%Y%m%dT%H%M%SZ")


def test_a_user_with_a_password_signs_purchases_under_a_lease_and_nothing_else(with_password, proxy, leased):
    assert with_password.apply().code == 0
    assert with_password.purchases == {"alpha": 1}
    signed = [one for one in proxy.exchanges if "authorization" in one.headers]
    assert signed == purchases_sent(proxy)
    assert "x-security-token" in signed[0].headers
    assert "x-auth-token" not in signed[0].headers
    assert with_password.run_in_process("plan", "--detailed-exitcode").code == 0


def test_a_user_with_a_password_needs_no_key_where_the_lock_ends_with_the_process(with_password, proxy):
    assert with_password.apply().code == 0
    assert not [one for one in proxy.exchanges if "authorization" in one.headers]


def test_without_a_key_nothing_is_bought_under_a_lease(with_password, proxy, leased):
    async def refuse(exchange):
        body = json.dumps({"error": {"code": 403, "message": "no right"}}).encode()
        head = b"HTTP/1.1 403 Forbidden\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
        await exchange.tell(head + body)

    proxy.on(refuse, ending="/securitytokens", nth=None)
    refused = with_password.apply()
    assert (refused.code, with_password.purchases) == (1, {})
    assert "Error[purchases-unsigned]" in refused.err
    assert "HW_ACCESS_KEY" in refused.words
    assert not purchases_sent(proxy)
