"""A cloud whose rows never name the order that bought them: what billing knows of the order leads to each server, once."""

import pytest
from support.fault_proxy import PURCHASE, resetting
from support.site import PREPAID, SILENT_BILLING, Sandbox

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
def sandbox(server, world, clock, build_seconds):
    sandbox = Sandbox(server.url)
    server.app = front(create_app(world, build_seconds=build_seconds, clock=clock), sandbox.token)
    sandbox.arm(*UNNAMED, WITHOUT_ID)
    return sandbox


def check(site, count):
    """Each address has a server of its own, and its order by the ledger; nothing is left to do."""
    bought = {row.server_id: row.order_id for row in site.ledger if row.kind == "purchase"}
    resources = site.state()["resources"].values()
    assert {one["id"]: one["order_id"] for one in resources} == bought
    assert len(bought) == count
    last = site.here("plan")
    assert "No changes." in last.out, last.text


@pytest.mark.parametrize(("specs", "count"), [(ALPHA, 1), (POOL, 3)])
def test_what_was_ordered_is_found_recorded_and_released(site, sandbox, specs, count):
    site.write(specs)
    assert site.apply().code == 0
    assert sum(site.purchases.values()) == count
    check(site, count)
    assert site.here("destroy", "--auto-approve", "--allow", "prepaid-delete").code == 0
    assert sum(site.entries("refund").values()) == count
    assert site.state()["resources"] == {}


def test_billing_that_refuses_leaves_the_order_recorded_and_buys_nothing_again(site, sandbox):
    sandbox.arm(SILENT_BILLING)
    site.write(ALPHA)
    assert [site.apply().code for _ in range(2)] == [7, 7]
    assert site.purchases == {"alpha": 1}
    assert site.state()["resources"]["alpha"]["phase"] == "ordering"
    destroyed = site.here("destroy", "--auto-approve", "--allow", "all")
    assert destroyed.code == 7
    assert site.entries("refund") == {}
    sandbox.ask("DELETE", "faults")
    sandbox.arm(*UNNAMED)
    assert site.apply().code == 0
    assert site.purchases == {"alpha": 1}
    check(site, 1)


def test_a_lost_answer_is_adopted_with_its_order(site, sandbox, proxy):
    site.write(ALPHA)
    proxy.on(resetting(executed=True))
    assert site.here("apply", "--auto-approve", "--resolve-timeout", "0").code == 6
    assert site.apply().code == 0
    assert len([each for each in proxy.exchanges if each.method == "POST" and each.path.endswith(PURCHASE)]) == 1
    check(site, 1)


@pytest.mark.parametrize(("specs", "address", "count"), [(ALPHA, "alpha", 1), (POOL, "pool[1]", 3)])
def test_a_person_who_names_the_order_gets_its_servers(site, sandbox, proxy, specs, address, count):
    site.write(specs)
    proxy.on(resetting(executed=True))
    assert site.here("apply", "--auto-approve", "--resolve-timeout", "0").code == 6
    (order,) = {row.order_id for row in site.ledger if row.kind == "purchase"}
    resolved = site.here("resolve", address, "--adopt", order)
    assert resolved.code == 0, resolved.text
    assert site.apply().code == 0
    assert sum(site.purchases.values()) == count
    check(site, count)


def test_the_order_of_another_address_is_not_adopted(site, sandbox, proxy):
    site.write(ALPHA)
    assert site.apply().code == 0
    (owned,) = {row.order_id for row in site.ledger if row.kind == "purchase"}
    site.write(f"{ALPHA.rstrip()[:-1]}, beta: {{charging_info: {PREPAID}}}}}\n")
    proxy.on(resetting(executed=False), name="beta")
    assert site.here("apply", "--auto-approve", "--resolve-timeout", "0").code == 6
    refused = site.here("resolve", "beta", "--adopt", owned)
    assert refused.code == 1
    assert "Error[server-owned]" in refused.err
