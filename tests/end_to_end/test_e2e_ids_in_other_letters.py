"""A cloud that shows the ids of servers in other letters than it answered them with: it is one server, whatever its id is compared with.

Its paths take the true spelling alone, so that a request which bears the other one comes to nothing.
"""

import pytest
from support.site import ONE, PREPAID

LISTS = ["ListAllDevServers", "ListDevServers"]
SHOWN = [*LISTS, "ShowDevServer", "UpdateDevServer"]
ROWS = {"at": SHOWN, "times": "always", "fault": "rewrite", "rows_upper": ["id"]}
ANSWERS = {"at": "CreateDevServer", "times": "always", "fault": "rewrite", "rows_upper": ["id"]}
LOST = {"at": "CreateDevServer", "fault": "reset", "executed": True}
RULES = {"in the lists": (ROWS,), "in the answer to the purchase": (ANSWERS,), "in both": (ROWS, ANSWERS)}
NOW = ("apply", "--auto-approve", "--resolve-timeout", "0")
QUIET = 26 * 60


@pytest.fixture
def site(served):
    return served


def life(site):
    """Bought once and left alone, with nothing said of a stranger or a loss; its recorded id."""
    assert site.apply().code == 0
    for command in (("plan", "--detailed-exitcode"), ("drift", "--detailed-exitcode"), ("apply", "--auto-approve")):
        calm = site.here(*command)
        assert (calm.code, "vanished" in calm.text, "namesake" in calm.text) == (0, False, False), calm.text
    (recorded,) = site.state()["resources"].values()
    return recorded["id"]


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
def test_it_lives_and_is_released(site, sandbox, rules):
    sandbox.arm(*rules)
    first = life(site)
    site.write("servers: {alpha: {name: omega, power: stopped}}\n")
    changed = site.apply()
    assert changed.code == 0, changed.text
    assert site.here("plan", "--detailed-exitcode").code == 0
    (recorded,) = site.state()["resources"].values()
    assert recorded["id"] == first
    gone = site.here("destroy", "--auto-approve")
    assert gone.code == 0, gone.text
    assert (site.purchases, site.state()["resources"]) == ({"alpha": 1}, {})
    assert site.entries("release") == {"omega": 1}


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
def test_a_prepaid_one_is_unsubscribed_by_it(site, sandbox, rules):
    told = {
        "at": "ListPayPerUseCustomerResources",
        "times": "always",
        "fault": "rewrite",
        "rows_upper": ["resource_id"],
    }
    sandbox.arm(*rules, told)
    site.write(f"servers: {{alpha: {{charging_info: {PREPAID}}}}}\n")
    life(site)
    gone = site.here("destroy", "--auto-approve", "--allow", "prepaid-delete")
    assert gone.code == 0, gone.text
    assert (site.purchases, site.state()["resources"]) == ({"alpha": 1}, {})


def test_a_lost_purchase_is_found_and_kept(site, sandbox):
    sandbox.arm(LOST, ROWS)
    assert site.here(*NOW).code == 6
    again = site.here(*NOW)
    assert (again.code, site.purchases) == (0, {"alpha": 1}), again.text
    (recorded,) = site.state()["resources"].values()
    assert recorded["id"].isupper()
    sandbox.ask("DELETE", "faults")
    life(site)
    assert site.here("destroy", "--auto-approve").code == 0
    assert (site.purchases, site.state()["resources"]) == ({"alpha": 1}, {})


def test_what_was_listed_before_is_never_the_purchase(site, sandbox):
    """Neither by a reply that names it, nor by a person's word."""
    site.write("servers: {other: {}}\n")
    assert site.apply().code == 0
    (other,) = site.state()["resources"].values()
    site.write("servers: {}\nremoved: [{from: other}]\n")
    assert site.apply().code == 0
    site.write(ONE)
    sandbox.arm({"at": "CreateDevServer", "fault": "rewrite", "set": {"id": other["id"].upper()}})
    assert site.here(*NOW).code == 6
    refused = site.here("resolve", "alpha", "--adopt", other["id"].upper())
    assert (refused.code, "was there before the purchase" in refused.text) == (1, True), refused.text
    assert site.apply().code == 0
    assert site.purchases == {"other": 1, "alpha": 1}
    (ours,) = site.state()["resources"].values()
    assert ours["id"] != other["id"]


def test_a_server_of_a_sibling_state_is_its_own_in_any_letters(site, sandbox):
    (site.folder / "specs" / "environments").mkdir()
    for name in ("dev", "prod"):
        (site.folder / "specs" / "environments" / f"{name}.yaml").write_text("{}\n")
    assert site.here("apply", "--auto-approve", "-e", "prod").code == 0
    (prods,) = site.state("test.prod")["resources"].values()
    sandbox.arm(ROWS)
    for spelt in (prods["id"], prods["id"].upper()):
        refused = site.here("import", "-e", "dev", "alpha", spelt)
        assert (refused.code, "is recorded in the state test.prod" in " ".join(refused.text.split())) == (1, True)
    assert "is recorded in the state test.prod" in " ".join(site.here("plan", "-e", "dev").text.split())


def test_one_server_has_one_address(site, sandbox):
    assert site.apply().code == 0
    (recorded,) = site.state()["resources"].values()
    site.write("servers: {alpha: {}, beta: {}}\n")
    refused = site.here("import", "beta", recorded["id"].upper())
    assert (refused.code, "is that of alpha" in " ".join(refused.text.split())) == (1, True), refused.text
    site.write("servers: {beta: {name: alpha}}\nremoved: [{from: alpha}]\n")
    assert site.here("apply", "--auto-approve", "--target", "alpha").code == 0, "let go"
    taken = site.here("import", "beta", recorded["id"].upper())
    assert taken.code == 0, taken.text
    assert site.here("plan", "--detailed-exitcode").code == 0
    assert site.purchases == {"alpha": 1}
