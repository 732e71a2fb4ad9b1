"""An order that was there before a purchase is no answer to it: nothing of a colleague's is paid, adopted, renamed or released."""

from __future__ import annotations

import pytest
import yaml
from support.process_workspace import QUIET, STACK

IMPATIENT = ("--resolve-timeout", "0")
MONTH = {"charging_mode": "PRE_PAID", "period_type": "MONTH", "period_num": 1, "is_auto_pay": True}


@pytest.fixture
def workspace(direct_workspace):
    return direct_workspace


def of_policy(workspace, body, **purchase):
    workspace.write(
        yaml.safe_dump({"servers": body}), stack=yaml.safe_dump({**yaml.safe_load(STACK), "purchase": purchase})
    )


def bought_by_a_colleague(workspace, colleague_at, *, pays=True):
    charging = {**MONTH, "is_auto_pay": pays}
    colleague_at.buy({**yaml.safe_load(STACK)["defaults"], "name": "bobs", "charging_info": charging})
    (row,) = [row for row in workspace.ledger if row.kind == "purchase"]
    return row.order_id


def answers_with(sandbox, order):
    sandbox.arm({"at": "CreateDevServer", "fault": "rewrite", "set": {"order_id": order}, "drop": ["id"]})


def kept(workspace, order):
    """Nothing was done to the colleague's."""
    touched = {row.kind for row in workspace.ledger if row.order_id == order or row.name == "bobs"}
    return touched <= {"purchase", "payment"}


@pytest.mark.parametrize(
    ("body", "purchase"),
    [
        ({"alpha": {"charging_info": MONTH}}, {}),
        ({"alpha": {"charging_info": MONTH}}, {"marker": "nonce"}),
        ({"pool": {"count": 2, "order": "together", "charging_info": MONTH}}, {}),
    ],
    ids=["one", "nonce", "together"],
)
def test_the_order_of_a_listed_server_is_no_answer(workspace, sandbox, colleague_at, body, purchase):
    theirs = bought_by_a_colleague(workspace, colleague_at)
    of_policy(workspace, body, **purchase)
    sandbox.advance(60)
    answers_with(sandbox, theirs)
    doubtful = workspace.apply(*IMPATIENT)
    assert (doubtful.code, f"the cloud answered with {theirs}" in doubtful.text) == (6, True), doubtful.text
    assert not workspace.state()["resources"]
    address = "pool[0]" if "pool" in body else "alpha"
    refused = workspace.run_in_process("resolve", address, "--adopt", theirs)
    assert refused.code == 1
    if "pool" in body:
        (ours,) = {row.order_id for row in workspace.ledger if row.kind == "purchase"} - {theirs}
        assert workspace.run_in_process("resolve", address, "--adopt", ours).code == 0
    assert workspace.apply().code == 0
    assert theirs not in {one["order_id"] for one in workspace.state()["resources"].values()}
    workspace.write("servers: {}\n", stack=(workspace.folder / "specs" / "stack.yaml").read_text())
    assert workspace.apply("--allow", "prepaid-delete").code == 0
    assert kept(workspace, theirs)


def test_the_open_order_of_a_colleague_is_not_paid(workspace, sandbox, colleague_at):
    theirs = bought_by_a_colleague(workspace, colleague_at, pays=False)
    of_policy(workspace, {"alpha": {"charging_info": MONTH}}, prepaid="two-step")
    answers_with(sandbox, theirs)
    for _ in range(3):
        doubtful = workspace.apply(*IMPATIENT)
        assert doubtful.code == 6, doubtful.text
        sandbox.advance(QUIET)
    (ours,) = {row.order_id for row in workspace.ledger if row.kind == "purchase"} - {theirs}
    assert ours in doubtful.text
    assert theirs not in workspace.run_in_process("plan").text
    assert workspace.run_in_process("resolve", "alpha", "--adopt", theirs).code == 1
    assert workspace.run_in_process("resolve", "alpha", "--adopt", ours).code == 0
    assert workspace.apply().code == 0
    assert workspace.purchases == {"alpha": 1, "bobs": 1}
    assert workspace.ledger_counts("payment") == {"alpha": 1}


def test_an_order_is_not_missed_where_billings_clock_is_behind(workspace, sandbox):
    of_policy(workspace, {"alpha": {"charging_info": MONTH}}, prepaid="two-step")
    sandbox.arm({"at": "ListCustomerOrders", "times": "always", "fault": "skew", "seconds": -20 * 60})
    sandbox.arm({"at": "CreateDevServer", "fault": "reset", "executed": True})
    for _ in range(3):
        doubtful = workspace.apply(*IMPATIENT)
        assert (doubtful.code, workspace.purchases) == (6, {"alpha": 1}), doubtful.text
        sandbox.advance(QUIET)
    (ours,) = {row.order_id for row in workspace.ledger if row.kind == "purchase"}
    assert workspace.run_in_process("resolve", "alpha", "--adopt", ours).code == 0
    assert workspace.apply().code == 0
    assert workspace.ledger_counts("payment") == {"alpha": 1}
