"""A cloud whose rows never name the order that bought them: what billing knows of the order leads to each server, once."""

import pytest
from support.fault_proxy import PURCHASE, resetting
from support.process_workspace import PREPAID, SILENT_BILLING, SandboxControl

from provisioner.sandbox import create_app
from provisioner.sandbox.serving import front

ALPHA = f"servers: {{alpha: {{charging_info: {PREPAID}, timeouts: {{create: 60s}}}}}}\n"
POOL = f"servers: {{pool: {{count: 3, order: together, charging_info: {PREPAID}}}}}\n"
UNNAMED = tuple(
    {"at": place, "times": "always", "fault": "rewrite", "rows_drop": ["order_id"]}
    for place in ("ListAllDevServers", "ListDevServers", "ShowDevServer")
)
WITHOUT_ID = {"at": "CreateDevServer", "times": "always", "fault": "rewrite", "set": {"id": None}}


@pytest.fixture
def sandbox(server, sandbox_db, clock, build_seconds):
    sandbox = SandboxControl(server.url)
    server.app = front(create_app(sandbox_db, build_seconds=build_seconds, clock=clock), sandbox.token)
    sandbox.arm(*UNNAMED, WITHOUT_ID)
    return sandbox


def check(workspace, count):
    """Each address has a server of its own, and its order by the ledger; nothing is left to do."""
    bought = {row.server_id: row.order_id for row in workspace.ledger if row.kind == "purchase"}
    resources = workspace.state()["resources"].values()
    assert {one["id"]: one["order_id"] for one in resources} == bought
    assert len(bought) == count
    last = workspace.run_in_process("plan")
    assert "No changes." in last.out, last.text


@pytest.mark.parametrize(("specs", "count"), [(ALPHA, 1), (POOL, 3)])
def test_what_was_ordered_is_found_recorded_and_released(workspace, sandbox, specs, count):
    workspace.write(specs)
    assert workspace.apply().code == 0
    assert sum(workspace.purchases.values()) == count
    check(workspace, count)
    assert workspace.run_in_process("destroy", "--auto-approve", "--allow", "prepaid-delete").code == 0
    assert sum(workspace.ledger_counts("refund").values()) == count
    assert workspace.state()["resources"] == {}


def test_billing_that_refuses_leaves_the_order_recorded_and_buys_nothing_again(workspace, sandbox):
    sandbox.arm(SILENT_BILLING)
    workspace.write(ALPHA)
    assert [workspace.apply().code for _ in range(2)] == [7, 7]
    assert workspace.purchases == {"alpha": 1}
    assert workspace.state()["resources"]["alpha"]["phase"] == "ordering"
    destroyed = workspace.run_in_process("destroy", "--auto-approve", "--allow", "all")
    assert destroyed.code == 7
    assert workspace.ledger_counts("refund") == {}
    sandbox.ask("DELETE", "faults")
    sandbox.arm(*UNNAMED)
    assert workspace.apply().code == 0
    assert workspace.purchases == {"alpha": 1}
    check(workspace, 1)


def test_a_lost_answer_is_adopted_with_its_order(workspace, sandbox, proxy):
    workspace.write(ALPHA)
    proxy.on(resetting(executed=True))
    assert workspace.run_in_process("apply", "--auto-approve", "--resolve-timeout", "0").code == 6
    assert workspace.apply().code == 0
    assert len([each for each in proxy.exchanges if each.method == "POST" and each.path.endswith(PURCHASE)]) == 1
    check(workspace, 1)


@pytest.mark.parametrize(("specs", "address", "count"), [(ALPHA, "alpha", 1), (POOL, "pool[1]", 3)])
def test_a_person_who_names_the_order_gets_its_servers(workspace, sandbox, proxy, specs, address, count):
    workspace.write(specs)
    proxy.on(resetting(executed=True))
    assert workspace.run_in_process("apply", "--auto-approve", "--resolve-timeout", "0").code == 6
    (order,) = {row.order_id for row in workspace.ledger if row.kind == "purchase"}
    resolved = workspace.run_in_process("resolve", address, "--adopt", order)
    assert resolved.code == 0, resolved.text
    assert workspace.apply().code == 0
    assert sum(workspace.purchases.values()) == count
    check(workspace, count)


def test_the_order_of_another_address_is_not_adopted(workspace, sandbox, proxy):
    workspace.write(ALPHA)
    assert workspace.apply().code == 0
    (owned,) = {row.order_id for row in workspace.ledger if row.kind == "purchase"}
    workspace.write(f"{ALPHA.rstrip()[:-1]}, beta: {{charging_info: {PREPAID}}}}}\n")
    proxy.on(resetting(executed=False), name="beta")
    assert workspace.run_in_process("apply", "--auto-approve", "--resolve-timeout", "0").code == 6
    refused = workspace.run_in_process("resolve", "beta", "--adopt", owned)
    assert refused.code == 1
    assert "Error[server-owned]" in refused.err
