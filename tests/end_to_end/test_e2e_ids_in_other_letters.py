"""A cloud that shows the ids of servers in other letters than it answered them with: it is one server, whatever its id is compared with.

Its paths take the true spelling alone, so that a request which bears the other one comes to nothing.
"""

import pytest
from support.process_workspace import ONE, PREPAID

LISTS = ["ListAllDevServers", "ListDevServers"]
SHOWN = [*LISTS, "ShowDevServer", "UpdateDevServer"]
ROWS = {"at": SHOWN, "times": "always", "fault": "rewrite", "rows_upper": ["id"]}
ANSWERS = {"at": "CreateDevServer", "times": "always", "fault": "rewrite", "rows_upper": ["id"]}
LOST = {"at": "CreateDevServer", "fault": "reset", "executed": True}
RULES = {"in the lists": (ROWS,), "in the answer to the purchase": (ANSWERS,), "in both": (ROWS, ANSWERS)}
NOW = ("apply", "--auto-approve", "--resolve-timeout", "0")


@pytest.fixture
def workspace(direct_workspace):
    return direct_workspace


def life(workspace):
    """Bought once and left alone, with nothing said of a stranger or a loss; its recorded id."""
    assert workspace.apply().code == 0
    for command in (("plan", "--detailed-exitcode"), ("drift", "--detailed-exitcode"), ("apply", "--auto-approve")):
        calm = workspace.run_in_process(*command)
        assert (calm.code, "vanished" in calm.text, "namesake" in calm.text) == (0, False, False), calm.text
    (recorded,) = workspace.state()["resources"].values()
    return recorded["id"]


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
def test_it_lives_and_is_released(workspace, sandbox, rules):
    sandbox.arm(*rules)
    first = life(workspace)
    workspace.write("servers: {alpha: {name: omega, power: stopped}}\n")
    changed = workspace.apply()
    assert changed.code == 0, changed.text
    assert workspace.run_in_process("plan", "--detailed-exitcode").code == 0
    (recorded,) = workspace.state()["resources"].values()
    assert recorded["id"] == first
    gone = workspace.run_in_process("destroy", "--auto-approve")
    assert gone.code == 0, gone.text
    assert (workspace.purchases, workspace.state()["resources"]) == ({"alpha": 1}, {})
    assert workspace.ledger_counts("release") == {"omega": 1}


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
def test_a_prepaid_one_is_unsubscribed_by_it(workspace, sandbox, rules):
    told = {
        "at": "ListPayPerUseCustomerResources",
        "times": "always",
        "fault": "rewrite",
        "rows_upper": ["resource_id"],
    }
    sandbox.arm(*rules, told)
    workspace.write(f"servers: {{alpha: {{charging_info: {PREPAID}}}}}\n")
    life(workspace)
    gone = workspace.run_in_process("destroy", "--auto-approve", "--allow", "prepaid-delete")
    assert gone.code == 0, gone.text
    assert (workspace.purchases, workspace.state()["resources"]) == ({"alpha": 1}, {})


def test_a_lost_purchase_is_found_and_kept(workspace, sandbox):
    sandbox.arm(LOST, ROWS)
    assert workspace.run_in_process(*NOW).code == 6
    again = workspace.run_in_process(*NOW)
    assert (again.code, workspace.purchases) == (0, {"alpha": 1}), again.text
    (recorded,) = workspace.state()["resources"].values()
    assert recorded["id"].isupper()
    sandbox.ask("DELETE", "faults")
    life(workspace)
    assert workspace.run_in_process("destroy", "--auto-approve").code == 0
    assert (workspace.purchases, workspace.state()["resources"]) == ({"alpha": 1}, {})


def test_what_was_listed_before_is_never_the_purchase(workspace, sandbox):
    """Neither by a reply that names it, nor by a person's word."""
    workspace.write("servers: {other: {}}\n")
    assert workspace.apply().code == 0
    (other,) = workspace.state()["resources"].values()
    workspace.write("servers: {}\nremoved: [{from: other}]\n")
    assert workspace.apply().code == 0
    workspace.write(ONE)
    sandbox.arm({"at": "CreateDevServer", "fault": "rewrite", "set": {"id": other["id"].upper()}})
    assert workspace.run_in_process(*NOW).code == 6
    refused = workspace.run_in_process("resolve", "alpha", "--adopt", other["id"].upper())
    assert (refused.code, "existed before the purchase" in refused.text) == (1, True), refused.text
    assert workspace.apply().code == 0
    assert workspace.purchases == {"other": 1, "alpha": 1}
    (ours,) = workspace.state()["resources"].values()
    assert ours["id"] != other["id"]


def test_a_server_of_a_sibling_state_is_its_own_in_any_letters(workspace, sandbox):
    (workspace.folder / "specs" / "environments").mkdir()
    for name in ("dev", "prod"):
        (workspace.folder / "specs" / "environments" / f"{name}.yaml").write_text("{}\n")
    assert workspace.run_in_process("apply", "--auto-approve", "-e", "prod").code == 0
    (prods,) = workspace.state("test.prod")["resources"].values()
    sandbox.arm(ROWS)
    for spelt in (prods["id"], prods["id"].upper()):
        refused = workspace.run_in_process("import", "-e", "dev", "alpha", spelt)
        assert (refused.code, "is recorded in the state test.prod" in refused.words) == (1, True)
    assert "is recorded in the state test.prod" in workspace.run_in_process("plan", "-e", "dev").words


def test_one_server_has_one_address(workspace, sandbox):
    assert workspace.apply().code == 0
    (recorded,) = workspace.state()["resources"].values()
    workspace.write("servers: {alpha: {}, beta: {}}\n")
    refused = workspace.run_in_process("import", "beta", recorded["id"].upper())
    assert (refused.code, "belongs to alpha" in refused.words) == (1, True), refused.text
    workspace.write("servers: {beta: {name: alpha}}\nremoved: [{from: alpha}]\n")
    assert workspace.run_in_process("apply", "--auto-approve", "--target", "alpha").code == 0, "let go"
    taken = workspace.run_in_process("import", "beta", recorded["id"].upper())
    assert taken.code == 0, taken.text
    assert workspace.run_in_process("plan", "--detailed-exitcode").code == 0
    assert workspace.purchases == {"alpha": 1}
