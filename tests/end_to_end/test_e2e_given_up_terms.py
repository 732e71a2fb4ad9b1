"""A paid term ends only where a person said so, whatever the plan believed, and takes along nothing that the plan does not name. The cloud's
own books judge.
"""

import pytest
from support.process_workspace import PREPAID, SILENT_BILLING

EVERYWHERE = {"at": ["ListAllDevServers", "ListDevServers", "ShowDevServer"], "times": "always", "fault": "rewrite"}
BOUGHT = {"at": "CreateDevServer", "times": "always", "fault": "rewrite"}
SOLD = {"at": "CreateDevServer", "server": "alpha", "fault": "sells", "charging_mode": "PRE_PAID", "pays": True}
AS_POST_PAID = {"rows": {"charging_mode": "POST_PAID"}, "rows_drop": ["order_id"]}
AS_COMMON = {"rows": {"charging_mode": "COMMON"}, "rows_drop": ["order_id"]}
BETA, ALPHA = "servers: {beta: {}}\n", "servers: {alpha: {}, beta: {}}\n"
BIGGER = "servers: {alpha: {flavor: Si2.xlarge.4}, beta: {}}\n"
FIRST = "servers: {alpha: {flavor: Si2.xlarge.4, lifecycle: {create_before_destroy: true}}, beta: {}}\n"
DELETED, NAMED = ("--allow", "prepaid-delete"), ("--replace", "alpha")


@pytest.fixture
def workspace(direct_workspace):
    return direct_workspace


@pytest.fixture
def hidden(workspace, sandbox):
    """A prepaid server of which rows, records and, at first, billing say nothing."""
    workspace.write(ALPHA)
    sandbox.arm(SOLD, EVERYWHERE | AS_POST_PAID, BOUGHT | AS_POST_PAID, SILENT_BILLING)
    assert (workspace.apply().code, workspace.ledger_counts("payment")) == (0, {"alpha": 1})
    return workspace


def only(sandbox, *rules):
    sandbox.ask("PUT", "faults", {"faults": [*rules]})


def releases(workspace):
    return (workspace.ledger_counts("release"), workspace.ledger_counts("refund"))


@pytest.mark.parametrize(
    "rules", [(), (EVERYWHERE | AS_POST_PAID,), (EVERYWHERE | AS_COMMON,)], ids=["shown", "post", "common"]
)
@pytest.mark.parametrize(
    ("specs", "code", "allowing"),
    [(BETA, "prepaid-delete", DELETED), (BIGGER, "prepaid-replace", NAMED), (FIRST, "prepaid-replace", NAMED)],
    ids=["release", "replacement", "successor first"],
)
def test_a_saved_plan_that_did_not_know_a_term_gives_up_none(hidden, sandbox, rules, specs, code, allowing):
    hidden.write(specs)
    assert hidden.run_in_process("plan", "--out", "s.plan").code == 0
    only(sandbox, *rules)
    refused = hidden.run_in_process("apply", "s.plan")
    assert (refused.code, f"[{code}]" in refused.text) == (4, True), refused.text
    assert (releases(hidden), hidden.purchases) == (({}, {}), {"alpha": 1, "beta": 1})
    fresh = hidden.run_in_process("apply", "--auto-approve")
    assert (fresh.code, f"Error[{code}]" in fresh.text) == (4, True), fresh.text
    allowed = hidden.run_in_process("apply", "--auto-approve", *allowing)
    assert (allowed.code, hidden.ledger_counts("release")) == (0, {"alpha": 1}), allowed.text


@pytest.mark.parametrize("specs", [BETA, BIGGER], ids=["release", "replacement"])
def test_what_a_saved_plan_was_allowed_is_done(hidden, sandbox, specs):
    hidden.write(specs)
    allowing = DELETED if specs == BETA else NAMED
    assert hidden.run_in_process("plan", "--out", "s.plan", *allowing).code == 0
    only(sandbox, EVERYWHERE | AS_POST_PAID)
    assert (hidden.run_in_process("apply", "s.plan").code, hidden.ledger_counts("release")) == (0, {"alpha": 1})


def test_a_deposed_server_that_nobody_knew_to_be_prepaid_keeps_its_term(hidden, sandbox):
    hidden.write(FIRST)
    kept = hidden.apply()
    assert (kept.code, hidden.purchases["alpha"], releases(hidden)) == (7, 2, ({}, {})), kept.text
    only(sandbox)
    refused = hidden.apply()
    assert (refused.code, "Error[prepaid-delete]" in refused.text) == (4, True), refused.text
    assert releases(hidden) == ({}, {})
    assert (hidden.run_in_process("apply", "--auto-approve", *DELETED).code, hidden.ledger_counts("release")) == (
        0,
        {"alpha": 1},
    )


def test_a_deposed_server_whose_address_was_named_is_not_asked_about_again(workspace, sandbox):
    workspace.write(f"servers: {{alpha: {{charging_info: {PREPAID}}}, beta: {{}}}}\n")
    assert workspace.apply().code == 0
    sandbox.arm({"at": "CancelResourcesSubscription", "fault": "answer", "status": 500, "executed": False})
    workspace.write(FIRST.replace("lifecycle", f"charging_info: {PREPAID}, lifecycle"))
    workspace.run_in_process("apply", "--auto-approve", *NAMED)
    assert workspace.state()["resources"]["alpha@deposed"]["term_given_up"] is True
    assert releases(workspace) == ({}, {})
    assert (workspace.apply().code, workspace.ledger_counts("release")) == (0, {"alpha": 1})


def test_a_fault_of_what_was_built_takes_no_guard_away(workspace, sandbox):
    workspace.write(f"servers: {{alpha: {{charging_info: {PREPAID}}}, beta: {{}}}}\n")
    assert workspace.apply().code == 0
    sandbox.arm(EVERYWHERE | {"server": "alpha", "rows": {"status": "ERROR"}})
    for command in ("apply", "destroy"):
        workspace.write(BETA)
        refused = workspace.run_in_process(command, "--auto-approve")
        assert (refused.code, "Error[prepaid-delete]" in refused.text) == (4, True), refused.text
    assert releases(workspace) == ({}, {})


def test_a_row_that_says_nothing_makes_nobody_forget_a_term(workspace, sandbox):
    workspace.write(f"servers: {{alpha: {{charging_info: {PREPAID}}}, beta: {{}}}}\n")
    assert workspace.apply().code == 0
    identifier = workspace.state()["resources"]["alpha"]["id"]
    assert workspace.run_in_process("state", "rm", "alpha", "--auto-approve").code == 0
    unnamed = EVERYWHERE | {"server": "alpha"}
    only(sandbox, unnamed | {"rows_drop": ["order_id"]})
    workspace.write(ALPHA)
    assert workspace.run_in_process("import", "alpha", identifier).code == 0
    only(sandbox, unnamed | AS_COMMON, SILENT_BILLING)
    workspace.write("servers: {alpha: {power: stopped}, beta: {}}\n")
    assert workspace.apply().code == 0
    workspace.write(BETA)
    refused = workspace.apply()
    assert (refused.code, "Error[prepaid-delete]" in refused.text, releases(workspace)) == (4, True, ({}, {}))


@pytest.fixture(params=[AS_COMMON, {"rows_drop": ["order_id"]}], ids=["common", "unnamed"])
def pair(workspace, sandbox, request):
    """Two servers of one order that nothing but billing names, taken over under addresses of their own."""
    workspace.write(f"servers: {{pool: {{count: 2, order: together, charging_info: {PREPAID}}}}}\n")
    assert workspace.apply().code == 0
    held = {address: one["id"] for address, one in workspace.state()["resources"].items()}
    assert workspace.run_in_process("state", "rm", *held, "--auto-approve").code == 0
    only(sandbox, EVERYWHERE | request.param)
    workspace.write("servers: {a: {name: pool-0}, b: {name: pool-1}}\n")
    for address, member in (("a", "pool[0]"), ("b", "pool[1]")):
        assert workspace.run_in_process("import", address, held[member]).code == 0
    workspace.rule = EVERYWHERE | request.param
    return workspace


def test_one_of_an_order_that_nothing_names_is_not_released_alone(pair):
    pair.write("servers: {b: {name: pool-1}}\n")
    refused = pair.run_in_process("apply", "--auto-approve", "--allow", "all")
    assert (refused.code, "[order-shared]" in refused.text, releases(pair)) == (7, True, ({}, {})), refused.text


def test_both_of_it_are_released_and_forgotten(pair):
    done = pair.run_in_process("destroy", "--auto-approve", *DELETED)
    assert (done.code, sum(pair.ledger_counts("release").values()), pair.state()["resources"]) == (0, 2, {}), done.text


def test_an_order_that_is_not_found_is_ended_by_its_own_allowance_only(pair, sandbox):
    dateless = {**pair.rule, "rows_drop": [*pair.rule["rows_drop"], "create_at"]}
    only(sandbox, dateless)
    pair.write("servers: {b: {name: pool-1}}\n")
    refused = pair.run_in_process("apply", "--auto-approve", "--allow", "all")
    assert (refused.code, "[order-unseen]" in refused.text, releases(pair)) == (7, True, ({}, {})), refused.text
    allowed = pair.run_in_process("apply", "--auto-approve", "--allow", "all", "--allow", "order-unseen")
    assert (allowed.code, bool(pair.ledger_counts("release"))) == (0, True), allowed.text
