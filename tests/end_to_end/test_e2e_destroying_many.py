"""Releasing many servers over real HTTP: billing is asked about all of them at once, and each goes the way that billing says."""

from __future__ import annotations

from support.process_workspace import PREPAID

GROUPS = f"servers: {{free: {{count: 8}}, paid: {{count: 3, charging_info: {PREPAID}}}}}\n"


def test_billing_is_not_asked_once_a_server(workspace):
    workspace.write(GROUPS)
    assert workspace.apply().code == 0
    workspace.environment["PROVISIONER_LOG"] = "debug"
    ran = workspace.run("destroy", "--auto-approve", "--allow", "prepaid-delete")
    assert ran.code == 0, ran.text
    lines = [line for line in ran.err.splitlines() if "DEBUG provisioner.cloud" in line]
    questions = sum("suscriptions/resources/query" in line for line in lines)
    of_the_plan, of_free_ones, of_paid_ones, of_their_orders = 1, 1, 3, 3
    assert questions <= of_the_plan + of_free_ones + of_paid_ones + of_their_orders
    assert sum(" DELETE " in line for line in lines) == 8
    assert sum(workspace.ledger_counts("release").values()) == 11
    assert workspace.outputs == {}
