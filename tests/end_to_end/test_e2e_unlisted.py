"""Lists that add up and lack servers all the same: what answers by its id proves it, and then nothing is concluded from them."""

import pytest
from support.process_workspace import ONE

LISTS = {"at": ["ListAllDevServers", "ListDevServers"], "times": "always"}
EMPTY = LISTS | {"fault": "rewrite", "set": {"data": [], "total": 0}}
TWO = "servers: {alpha: {}, beta: {}}\n"
LOST = {"at": "CreateDevServer", "fault": "reset"}
AT_ONCE = ("--resolve-timeout", "0s")


@pytest.fixture
def workspace(direct_workspace):
    return direct_workspace


@pytest.mark.parametrize("executed", [True, False], ids=["bought", "never arrived"])
@pytest.mark.parametrize("timeout", ["0s", "2s"])
def test_a_purchase_in_doubt_is_never_believed_absent_for_it(workspace, sandbox, executed, timeout):
    workspace.apply()
    workspace.write(TWO)
    sandbox.arm(LOST | {"executed": executed}, EMPTY)
    assert workspace.apply("--resolve-timeout", timeout, "--allow", "list-incomplete").code == 6
    before = workspace.purchases
    for _ in range(2):
        sandbox.advance(3600)
        doubted = workspace.apply(*AT_ONCE, "--allow", "all")
        assert doubted.code == 6
        assert "which can be read by its id" in doubted.words
    assert workspace.purchases == before
    sandbox.ask("DELETE", "faults")
    assert workspace.apply().code == 0
    assert workspace.purchases == {"alpha": 1, "beta": 1}


def test_no_purchase_is_made_that_may_meet_what_it_lacks_unless_it_is_allowed(workspace, sandbox):
    workspace.apply()
    workspace.write(TWO)
    sandbox.arm(EMPTY)
    refused = workspace.apply()
    assert (refused.code, workspace.purchases) == (4, {"alpha": 1})
    assert "Error[list-incomplete]" in refused.text
    assert workspace.apply("--allow", "list-incomplete").code == 0
    assert workspace.purchases == {"alpha": 1, "beta": 1}


def test_a_plan_that_was_saved_before_buys_nothing_after_it(workspace, sandbox):
    workspace.apply()
    workspace.write(TWO)
    assert workspace.run_in_process("plan", "--out", "saved.plan").code == 0
    sandbox.arm(EMPTY)
    refused = workspace.run_in_process("apply", "saved.plan")
    assert (refused.code, workspace.purchases) == (4, {"alpha": 1})
    assert "list-incomplete" in refused.text


def test_what_the_state_has_let_go_is_asked_for_before_its_name_is_bought_again(workspace, sandbox):
    workspace.apply()
    assert workspace.run_in_process("state", "rm", "alpha", "--auto-approve").code == 0
    sandbox.arm(EMPTY)
    for wanted in (ONE, "servers: {omega: {name: alpha}}\n"):
        workspace.write(wanted)
        refused = workspace.apply("--allow", "list-incomplete")
        assert (refused.code, workspace.purchases) == (4, {"alpha": 1})
        assert "name-taken" in refused.text
    workspace.write(ONE)
    identifier = next(row.server_id for row in workspace.ledger if row.kind == "purchase")
    assert workspace.run_in_process("import", "alpha", identifier).code == 0
    assert workspace.run_in_process("plan", "--detailed-exitcode").code == 0


def test_a_server_in_no_list_is_built_changed_and_released_all_the_same(workspace, sandbox):
    sandbox.arm(EMPTY)
    assert (workspace.apply().code, workspace.purchases) == (0, {"alpha": 1})
    assert workspace.run_in_process("plan", "--detailed-exitcode").code == 0
    workspace.write("servers: {alpha: {power: stopped}}\n")
    assert workspace.apply().code == 0
    assert workspace.run_in_process("plan", "--detailed-exitcode").code == 0
    assert workspace.run_in_process("destroy", "--auto-approve").code == 0
    assert workspace.ledger_counts("release") == {"alpha": 1}


def test_a_prepaid_server_in_no_list_is_found_by_what_billing_names(workspace, sandbox):
    charging = "{charging_mode: PRE_PAID, period_type: MONTH, period_num: 1, is_auto_pay: true}"
    workspace.write(f"servers: {{alpha: {{charging_info: {charging}}}}}\n")
    for rule in (EMPTY, EMPTY | {"set": {"data": [], "total": 3}}):
        sandbox.ask("PUT", "faults", {"faults": [rule]})
        assert workspace.apply("--allow", "list-incomplete").code == 0
        assert workspace.purchases == {"alpha": 1}
        assert workspace.run_in_process("plan", "--detailed-exitcode").code == 0


def test_a_lost_state_is_rebuilt_with_what_it_lacks(workspace, sandbox):
    workspace.apply()
    sandbox.arm(EMPTY)
    journal = next((workspace.folder / "state").glob("*.json"))
    journal.write_text("{}")
    rebuilt = workspace.run_in_process("state", "rebuild", "--auto-approve")
    assert rebuilt.code == 0, rebuilt.text
    assert "list-incomplete" in rebuilt.text
    assert workspace.apply().code == 0
    assert workspace.purchases == {"alpha": 1}
