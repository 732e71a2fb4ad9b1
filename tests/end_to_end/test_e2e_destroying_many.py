"""Releasing many servers over real HTTP: billing is asked about all of them at once, and each goes the way that billing says."""

from __future__ import annotations

from support.site import PREPAID

GROUPS = f"servers: {{free: {{count: 8}}, paid: {{count: 3, charging_info: {PREPAID}}}}}\n"


def test_billing_is_not_asked_once_a_server(site):
    site.write(GROUPS)
    assert site.apply().code == 0
    site.environment["PROVISIONER_LOG"] = "debug"
    ran = site.run("destroy", "--auto-approve", "--allow", "prepaid-delete")
    assert ran.code == 0, ran.text
    lines = [line for line in ran.err.splitlines() if "DEBUG provisioner.cloud" in line]
    questions = sum("suscriptions/resources/query" in line for line in lines)
    of_the_plan, of_free_ones, of_paid_ones, of_their_orders = 1, 1, 3, 3
    assert questions <= of_the_plan + of_free_ones + of_paid_ones + of_their_orders
    assert sum(" DELETE " in line for line in lines) == 8
    assert sum(site.entries("release").values()) == 11
    assert site.outputs == {}
