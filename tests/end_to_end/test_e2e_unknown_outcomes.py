"""A purchase whose answer does not come, or says nothing: never bought again, found where it exists, shown where it may.

A refusal is the other side: where the cloud provably did nothing, the next apply buys without a detour.
"""

import json

import pytest
from support.fault_proxy import answering, hanging_up, message, resetting, truncating
from support.process_workspace import PREPAID

BAD_GATEWAY = message("502 Bad Gateway", b'{"error_code": "APIG.0203", "error_msg": "Backend timeout."}')
REDIRECT = message("307 Temporary Redirect", b"", extra="Location: /elsewhere\r\n")
WEB_PAGE = message("200 OK", b"<html><title>Portal</title></html>", kind="text/html")

EXECUTED = {
    "a reset": resetting(executed=True),
    "a gateway's 502": answering(BAD_GATEWAY, executed=True),
    "a redirect": answering(REDIRECT, executed=True),
    "half an answer": truncating,
    "an empty object": answering(message("200 OK", b"{}"), executed=True),
    "an empty answer": answering(message("200 OK", b""), executed=True),
    "ids that are none": answering(message("200 OK", b'{"id": "../../etc", "order_id": 7}'), executed=True),
    "a web page": answering(WEB_PAGE, executed=True),
    "silence until the line is dropped": hanging_up,
}
LOST = {
    "a reset": resetting(executed=False),
    "a gateway's 502": answering(BAD_GATEWAY, executed=False),
    "a redirect": answering(REDIRECT, executed=False),
    "an empty object": answering(message("200 OK", b"{}"), executed=False),
}
REFUSED = {
    "a service's 429": message("429 Too Many Requests", b'{"error_code": "ModelArts.0118", "error_msg": "throttled"}'),
    "sold out": message("400 Bad Request", b'{"error_code": "ModelArts.0113", "error_msg": "sold out"}'),
    "no right to": message("403 Forbidden", b'{"error_code": "APIG.0302", "error_msg": "not allowed"}'),
}


TURNED_AWAY = message("429 Too Many Requests", b'{"error_code": "APIG.0308", "error_msg": "throttled"}')


def cases(table):
    return pytest.mark.parametrize("fault", table.values(), ids=table)


@pytest.fixture(params=["{}", f"{{charging_info: {PREPAID}}}"], ids=["pay-per-use", "prepaid"])
def two(workspace, request):
    """`alpha` is the one that things happen to; `beta` shows that it stops nobody else."""
    workspace.write(f"servers: {{alpha: {request.param}, beta: {{}}}}\n")
    return workspace


def open_intents(workspace) -> list[str]:
    return [intent["address"] for intent in workspace.state()["intents"].values()]


class TestCarriedOut:
    @cases(EXECUTED)
    def test_the_same_run_looks_for_it_and_goes_on(self, two, proxy, fault):
        proxy.on(fault, name="alpha")
        applied = two.apply()
        assert applied.code == 0
        assert "alpha: Adopted" in applied.err
        assert two.purchases == {"alpha": 1, "beta": 1}
        assert len(proxy.purchases) == 2
        assert open_intents(two) == []
        assert two.run_in_process("plan", "--detailed-exitcode").code == 0

    @cases(EXECUTED)
    def test_it_is_in_doubt_and_the_next_apply_adopts_it(self, two, proxy, fault):
        proxy.on(fault, name="alpha", nth=None)
        doubtful = two.run_in_process("apply", "--auto-approve", "--resolve-timeout", "0")
        assert doubtful.code == 6
        assert "in doubt" in doubtful.out
        assert open_intents(two) == ["alpha"]
        assert len(proxy.purchases) == 2

        again = two.run_in_process("apply", "--auto-approve")
        assert again.code == 0
        assert "alpha: Adopted" in again.err
        assert open_intents(two) == []
        assert two.purchases == {"alpha": 1, "beta": 1}
        assert len(proxy.purchases) == 2
        bought = {row.name: row.server_id for row in two.ledger if row.kind == "purchase"}
        assert {address: server["id"] for address, server in two.outputs.items()} == bought
        assert two.run_in_process("plan", "--detailed-exitcode").code == 0

    def test_destroy_finds_it_first_and_releases_it(self, two, proxy):
        proxy.on(EXECUTED["a reset"], name="alpha")
        two.run_in_process("apply", "--auto-approve", "--resolve-timeout", "0")
        assert two.run_in_process("destroy", "--auto-approve", "--allow", "prepaid-delete").code == 0
        assert two.ledger_counts("release") == two.purchases == {"alpha": 1, "beta": 1}

    def test_it_is_found_though_its_address_has_left_the_specs(self, two, proxy):
        proxy.on(EXECUTED["a reset"], name="alpha")
        two.run_in_process("apply", "--auto-approve", "--resolve-timeout", "0")
        two.write("servers: {beta: {}}\n")
        assert two.apply("--allow", "prepaid-delete").code == 0
        assert two.ledger_counts("release") == {"alpha": 1}

    def test_it_is_carried_out_long_after_its_sender_gave_up(self, two, proxy):
        """The request that a gateway has kept: absent at the next look, and there at the one after."""
        gate = proxy.gate()
        proxy.on(gate.before, name="alpha")
        assert two.apply().code == 6
        gate.await_arrival()
        assert two.apply().code == 6
        gate.open()
        gate.await_arrival()
        assert two.apply().code == 0
        assert two.purchases == {"alpha": 1, "beta": 1}


class TestNeverCarriedOut:
    @cases(LOST)
    def test_it_stays_in_doubt_and_is_never_sent_again(self, two, proxy, fault):
        proxy.on(fault, name="alpha")
        assert [two.apply().code for _ in range(3)] == [6, 6, 6]
        assert two.purchases == {"beta": 1}
        assert [each.document["name"] for each in proxy.purchases].count("alpha") == 1
        assert open_intents(two) == ["alpha"]

    def test_destroy_releases_the_others_and_says_what_is_left(self, two, proxy):
        proxy.on(LOST["a reset"], name="alpha")
        two.apply()
        destroyed = two.run_in_process("destroy", "--auto-approve", "--allow", "prepaid-delete")
        assert destroyed.code == 6
        assert two.ledger_counts("release") == {"beta": 1}
        assert open_intents(two) == ["alpha"]


class TestRefused:
    @cases(REFUSED)
    def test_it_is_closed_and_the_next_apply_buys(self, two, proxy, fault):
        proxy.on(answering(fault, executed=False), name="alpha")
        refused = two.run_in_process("apply", "--auto-approve")
        assert refused.code == 7
        assert json.loads(fault.split(b"\r\n\r\n")[1])["error_msg"] in refused.text
        assert open_intents(two) == []
        assert two.purchases == {"beta": 1}
        assert two.apply().code == 0
        assert two.purchases == {"alpha": 1, "beta": 1}


class TestTurnedAway:
    def test_by_the_gateway_it_is_bought_by_the_same_run_as_another_attempt(self, two, proxy):
        proxy.on(answering(TURNED_AWAY, executed=False), name="alpha")
        assert two.apply().code == 0
        assert two.purchases == {"alpha": 1, "beta": 1}
        intents = [record["intent"] for record in two.journal_records if record["type"] == "intended"]
        assert sorted((intent["name"], intent["attempt"]) for intent in intents) == [
            ("alpha", 1),
            ("alpha", 2),
            ("beta", 1),
        ]
        assert open_intents(two) == []


class TestWhileInDoubt:
    @pytest.fixture
    def doubtful(self, two, proxy):
        two.run_in_process("plan", "--out", "before.json")
        proxy.on(LOST["a reset"], name="alpha")
        two.apply()
        return two

    def test_every_command_that_looks_shows_it(self, doubtful):
        planned = doubtful.run_in_process("plan", "--detailed-exitcode")
        assert planned.code == 6
        assert "in-doubt" in planned.text
        assert doubtful.run_in_process("plan").code == 0
        assert "alpha: in doubt" in doubtful.run_in_process("show").out
        assert "in doubt" in doubtful.run_in_process("state", "show", "alpha").out
        assert doubtful.run_in_process("state", "list").out == "alpha\nbeta\n"
        assert json.loads(doubtful.run_in_process("plan", "--json").out)["findings"][0]["code"] == "in-doubt"

    def test_a_saved_plan_is_refused_and_nothing_is_sent(self, doubtful, proxy):
        sent = len(proxy.purchases)
        refused = doubtful.run_in_process("apply", "before.json")
        assert refused.code == 6
        assert "alpha" in refused.err
        assert len(proxy.purchases) == sent

    def test_a_plan_that_apply_would_refuse_is_shown_and_not_saved(self, doubtful):
        refused = doubtful.run_in_process("plan", "--out", "after.json")
        assert refused.code == 6
        assert "in-doubt" in refused.out
        said = " ".join(refused.err.split())
        assert "Error[in-doubt]: the plan was not saved to after.json" in said
        assert "without a plan file, `provisioner apply`" in said
        assert not (doubtful.folder / "after.json").exists()

    def test_a_plan_that_is_not_saved_is_still_one_document(self, doubtful):
        refused = doubtful.run_in_process("plan", "--out", "after.json", "--json")
        assert refused.code == 6
        assert json.loads(refused.out)["resource_changes"]

    def test_replacing_by_name_does_not_buy_either(self, doubtful, proxy):
        sent = len(proxy.purchases)
        assert doubtful.run_in_process("apply", "--auto-approve", "--replace", "alpha").code == 6
        assert len(proxy.purchases) == sent

    def test_another_server_may_be_added(self, doubtful):
        doubtful.write("servers: {alpha: {}, beta: {}, gamma: {}}\n")
        assert doubtful.apply().code == 6
        assert doubtful.purchases == {"beta": 1, "gamma": 1}

    def test_another_address_does_not_take_the_name_that_is_in_doubt(self, doubtful, proxy):
        """The server may yet appear, and two of one name could never be told apart."""
        doubtful.write("servers: {beta: {}, other: {name: alpha}}\n")
        sent = len(proxy.purchases)
        refused = doubtful.apply()
        assert refused.code == 6, "the doubt comes before the name"
        assert "name-in-doubt" in refused.err
        assert len(proxy.purchases) == sent


class TestReleases:
    """Asked to release, and no answer: looked for, and never counted twice."""

    @pytest.mark.parametrize(
        "fault",
        [resetting(executed=True), answering(BAD_GATEWAY, executed=True), resetting(executed=False)],
        ids=["reset, carried out", "502, carried out", "reset, lost"],
    )
    @pytest.mark.parametrize(
        ("spec", "call"),
        [("{}", ("DELETE", "")), (f"{{charging_info: {PREPAID}}}", ("POST", "/unsubscribe"))],
        ids=["pay-per-use", "prepaid"],
    )
    def test_the_next_destroy_settles_it(self, workspace, proxy, spec, call, fault):
        workspace.write(f"servers: {{alpha: {spec}}}\n")
        workspace.apply()
        method, ending = call
        proxy.on(fault, method=method, ending=ending)
        assert workspace.run_in_process("destroy", "--auto-approve", "--allow", "prepaid-delete").code == 7
        assert workspace.run_in_process("destroy", "--auto-approve", "--allow", "prepaid-delete").code == 0
        assert workspace.ledger_counts("release") == {"alpha": 1}
        assert max(workspace.ledger_counts("refund").values(), default=1) == 1
        assert workspace.outputs == {}
