"""What was there before a purchase is not what it became, whatever name it bears by now and whatever the cloud answers."""

from __future__ import annotations

import json
import re

import pytest
import yaml
from support.fault_proxy import resetting
from support.process_workspace import ONE, PREPAID, STACK, ProcessWorkspace

IMPATIENT = ("--resolve-timeout", "0")


@pytest.fixture
def colleague(workspace):
    """Has a server of the same kind, and another name so far."""
    colleague = ProcessWorkspace(workspace.folder.parent / "colleague", workspace.sandbox_db, workspace.endpoint)
    (colleague.folder / "state").mkdir(parents=True, mode=0o700)
    colleague.write("servers: {theirs: {}}\n")
    assert colleague.apply().code == 0
    return colleague


def test_a_server_that_is_renamed_to_our_name_during_a_doubt_is_not_ours(workspace, proxy, colleague):
    workspace.write(ONE)
    proxy.on(resetting(executed=False), name="alpha")
    assert workspace.apply(*IMPATIENT).code == 6
    colleague.write("servers: {theirs: {name: alpha}}\n")
    assert colleague.apply("--allow", "list-incomplete").code == 0
    again = workspace.apply(*IMPATIENT)
    assert again.code == 6, again.text
    assert not workspace.state()["resources"]
    (theirs,) = colleague.state()["resources"].values()
    assert theirs["id"] not in str(workspace.state()["resources"])
    refused = workspace.run_in_process("resolve", "alpha", "--adopt", theirs["id"])
    assert refused.code == 1
    assert "existed before the purchase" in refused.text


@pytest.fixture
def let_go(direct_workspace):
    """The id of a server that was ours, and runs on."""
    direct_workspace.write("servers: {other: {}}\n")
    assert direct_workspace.apply().code == 0
    (other,) = direct_workspace.state()["resources"].values()
    direct_workspace.write("servers: {}\nremoved: [{from: other}]\n")
    assert direct_workspace.apply().code == 0
    direct_workspace.write(ONE)
    return other["id"]


def test_a_reply_that_names_a_server_that_was_there_is_no_proof(direct_workspace, sandbox, let_go):
    sandbox.arm({"at": "CreateDevServer", "fault": "rewrite", "set": {"id": let_go}})
    doubtful = direct_workspace.apply(*IMPATIENT)
    assert doubtful.code == 6, doubtful.text
    assert "the cloud answered with" in doubtful.text
    assert not direct_workspace.state()["resources"]
    found = direct_workspace.apply()
    assert found.code == 0, found.text
    assert direct_workspace.purchases == {"other": 1, "alpha": 1}
    (ours,) = direct_workspace.state()["resources"].values()
    assert ours["id"] != let_go


@pytest.mark.parametrize("name", ["ALPHA", " alpha ", "", None])
def test_a_new_server_is_ours_by_the_id_of_the_reply_however_the_cloud_spells_its_name(direct_workspace, sandbox, name):
    """Its id is new, and answers our call: to doubt it would buy another one after each quiet period."""
    places = ["CreateDevServer", "ListAllDevServers", "ListDevServers", "ShowDevServer"]
    sandbox.arm({"at": places, "times": "always", "fault": "rewrite", "rows": {"name": name}})
    for _ in range(3):
        direct_workspace.apply(*IMPATIENT)
        sandbox.advance(1600)
    assert direct_workspace.purchases == {"alpha": 1}
    assert len(direct_workspace.state()["resources"]) == 1
    assert not direct_workspace.state()["intents"]


def test_a_reply_that_names_the_order_of_another_server_is_no_proof(direct_workspace, sandbox):
    """By that order the other server would be taken for ours, and go with a later release."""
    direct_workspace.write(f"servers: {{other: {{charging_info: {PREPAID}}}}}\n")
    assert direct_workspace.apply().code == 0
    (other,) = direct_workspace.state()["resources"].values()
    direct_workspace.write("servers: {}\nremoved: [{from: other}]\n")
    assert direct_workspace.apply().code == 0
    sandbox.arm({"at": "CreateDevServer", "fault": "rewrite", "set": {"order_id": other["order_id"]}})
    direct_workspace.write(f"servers: {{alpha: {{charging_info: {PREPAID}}}}}\n")
    doubtful = direct_workspace.apply(*IMPATIENT)
    assert doubtful.code == 6, doubtful.text
    assert f"the cloud answered with {other['order_id']}, which existed before" in doubtful.words
    found = direct_workspace.apply()
    assert found.code == 0, found.text
    (ours,) = direct_workspace.state()["resources"].values()
    assert (ours["id"] != other["id"], ours["order_id"] != other["order_id"]) == (True, True)
    assert direct_workspace.purchases == {"other": 1, "alpha": 1}


def test_a_reply_under_another_name_is_no_answer_and_a_person_may_take_what_it_names(direct_workspace, sandbox):
    places = ["CreateDevServer", "ListAllDevServers", "ListDevServers", "ShowDevServer"]
    sandbox.arm({"at": places, "times": "always", "fault": "rewrite", "rows": {"name": "somebody-elses"}})
    for _ in range(3):
        doubtful = direct_workspace.apply(*IMPATIENT)
        assert (doubtful.code, direct_workspace.purchases) == (6, {"alpha": 1})
        sandbox.advance(1600)
    (identifier,) = {row.server_id for row in direct_workspace.ledger if row.kind == "purchase"}
    way = f"`provisioner resolve 'alpha' --adopt {identifier} --allow other-name`"
    assert way in direct_workspace.run_in_process("plan").words
    assert direct_workspace.run_in_process("resolve", "alpha", "--adopt", identifier, "--allow", "other-name").code == 0
    assert direct_workspace.apply("--allow", "all").code == 0
    assert direct_workspace.purchases == {"alpha": 1}


def answering_with(direct_workspace, colleague_at, bought, told):
    """A fault: a colleague buys `bought` before the purchase is carried out, and the reply tells what `told` makes of his purchase."""

    async def beside(exchange):
        colleague_at.buy(bought)
        (theirs,) = [row for row in direct_workspace.ledger if row.name == bought["name"]]
        head, body = (await exchange.carry_out()).split(b"\r\n\r\n", 1)
        reply = json.dumps({**json.loads(body), **told(theirs)}).encode()
        head = re.sub(rb"(?i)(?<=content-length: )\d+", str(len(reply)).encode(), head)
        await exchange.tell(head + b"\r\n\r\n" + reply)

    return beside


@pytest.mark.parametrize("marker", ["name", "nonce"])
@pytest.mark.parametrize(
    "theirs", [{"name": "bobs"}, {"name": "alpha-2", "flavor": "Si2.xlarge.4"}], ids=["nameless", "neighbour"]
)
def test_a_strangers_new_server_in_the_reply_is_neither_kept_nor_released(
    direct_workspace, sandbox, proxy, colleague_at, theirs, marker
):
    """The reply names no name, or that of a neighbour; the row bears another one than was sent."""
    direct_workspace.write(ONE, stack=yaml.safe_dump({**yaml.safe_load(STACK), "purchase": {"marker": marker}}))
    bought = {**yaml.safe_load(STACK)["defaults"], **theirs}
    name = None if theirs["name"] == "bobs" else theirs["name"]
    direct_workspace.endpoint = proxy.url
    fault = answering_with(direct_workspace, colleague_at, bought, lambda row: {"id": row.server_id, "name": name})
    proxy.on(fault, method="POST", ending="/dev-servers", nth=1)
    doubtful = direct_workspace.apply(*IMPATIENT)
    assert doubtful.code == 6, doubtful.text
    assert not direct_workspace.state()["resources"]
    assert direct_workspace.apply().code == 0
    direct_workspace.write("servers: {}\n", stack=(direct_workspace.folder / "specs" / "stack.yaml").read_text())
    assert direct_workspace.apply().code == 0
    released = [row.name for row in direct_workspace.ledger if row.kind == "release"]
    assert (len(released), theirs["name"] in released) == (1, False)
    assert direct_workspace.purchases[theirs["name"]] == 1
    assert len(direct_workspace.purchases) == 2


def test_a_strangers_new_order_in_the_reply_is_not_paid(direct_workspace, sandbox, proxy, colleague_at):
    term = {"charging_mode": "PRE_PAID", "period_type": "MONTH", "period_num": 1, "is_auto_pay": True}
    stack = yaml.safe_dump({**yaml.safe_load(STACK), "purchase": {"prepaid": "two-step"}})
    direct_workspace.write(yaml.safe_dump({"servers": {"alpha": {"charging_info": term}}}), stack=stack)
    unpaid = {**yaml.safe_load(STACK)["defaults"], "name": "bobs", "charging_info": {**term, "is_auto_pay": False}}
    direct_workspace.endpoint = proxy.url
    fault = answering_with(
        direct_workspace, colleague_at, unpaid, lambda row: {"order_id": row.order_id, "id": None, "name": None}
    )
    proxy.on(fault, method="POST", ending="/dev-servers", nth=1)
    doubtful = direct_workspace.apply(*IMPATIENT)
    assert doubtful.code == 6, doubtful.text
    assert not direct_workspace.state()["resources"]
    assert direct_workspace.apply(*IMPATIENT).code == 6
    (ours,) = [row.order_id for row in direct_workspace.ledger if row.kind == "purchase" and row.name == "alpha"]
    assert direct_workspace.run_in_process("resolve", "alpha", "--adopt", ours).code == 0
    assert direct_workspace.apply().code == 0
    assert [row.name for row in direct_workspace.ledger if row.kind == "payment"] == ["alpha"]
    assert direct_workspace.purchases == {"alpha": 1, "bobs": 1}
