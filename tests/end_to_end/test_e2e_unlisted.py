"""Lists that add up and lack servers all the same: what answers by its id proves it, and then nothing is concluded from them."""

import pytest
from support.site import ONE

LISTS = {"at": ["ListAllDevServers", "ListDevServers"], "times": "always"}
EMPTY = LISTS | {"fault": "rewrite", "set": {"data": [], "total": 0}}
TWO = "servers: {alpha: {}, beta: {}}\n"
LOST = {"at": "CreateDevServer", "fault": "reset"}
AT_ONCE = ("--resolve-timeout", "0s")


@pytest.fixture
def site(served):
    return served


def said(ran):
    return " ".join(ran.text.split())


@pytest.mark.parametrize("executed", [True, False], ids=["bought", "never arrived"])
@pytest.mark.parametrize("timeout", ["0s", "2s"])
def test_a_purchase_in_doubt_is_never_believed_absent_for_it(site, sandbox, executed, timeout):
    site.apply()
    site.write(TWO)
    sandbox.arm(LOST | {"executed": executed}, EMPTY)
    assert site.apply("--resolve-timeout", timeout, "--allow", "list-incomplete").code == 6
    before = site.purchases
    for _ in range(2):
        sandbox.advance(3600)
        doubted = site.apply(*AT_ONCE, "--allow", "all")
        assert doubted.code == 6
        assert "which answers when it is asked for by its id" in said(doubted)
    assert site.purchases == before
    sandbox.ask("DELETE", "faults")
    assert site.apply().code == 0
    assert site.purchases == {"alpha": 1, "beta": 1}


def test_no_purchase_is_made_that_may_meet_what_it_lacks_unless_it_is_allowed(site, sandbox):
    site.apply()
    site.write(TWO)
    sandbox.arm(EMPTY)
    refused = site.apply()
    assert (refused.code, site.purchases) == (4, {"alpha": 1})
    assert "Error[list-incomplete]" in refused.text
    assert site.apply("--allow", "list-incomplete").code == 0
    assert site.purchases == {"alpha": 1, "beta": 1}


def test_a_plan_that_was_saved_before_buys_nothing_after_it(site, sandbox):
    site.apply()
    site.write(TWO)
    assert site.here("plan", "--out", "saved.plan").code == 0
    sandbox.arm(EMPTY)
    refused = site.here("apply", "saved.plan")
    assert (refused.code, site.purchases) == (7, {"alpha": 1})
    assert "list-incomplete" in refused.text


def test_what_the_state_has_let_go_is_asked_for_before_its_name_is_bought_again(site, sandbox):
    site.apply()
    assert site.here("state", "rm", "alpha", "--auto-approve").code == 0
    sandbox.arm(EMPTY)
    for wanted in (ONE, "servers: {omega: {name: alpha}}\n"):
        site.write(wanted)
        refused = site.apply("--allow", "list-incomplete")
        assert (refused.code, site.purchases) == (4, {"alpha": 1})
        assert "name-taken" in refused.text
    site.write(ONE)
    identifier = next(row.server_id for row in site.ledger if row.kind == "purchase")
    assert site.here("import", "alpha", identifier).code == 0
    assert site.here("plan", "--detailed-exitcode").code == 0


def test_a_server_in_no_list_is_built_changed_and_released_all_the_same(site, sandbox):
    sandbox.arm(EMPTY)
    assert (site.apply().code, site.purchases) == (0, {"alpha": 1})
    assert site.here("plan", "--detailed-exitcode").code == 0
    site.write("servers: {alpha: {power: stopped}}\n")
    assert site.apply().code == 0
    assert site.here("plan", "--detailed-exitcode").code == 0
    assert site.here("destroy", "--auto-approve").code == 0
    assert site.entries("release") == {"alpha": 1}


def test_a_prepaid_server_in_no_list_is_found_by_what_billing_names(site, sandbox):
    charging = "{charging_mode: PRE_PAID, period_type: MONTH, period_num: 1, is_auto_pay: true}"
    site.write(f"servers: {{alpha: {{charging_info: {charging}}}}}\n")
    for rule in (EMPTY, EMPTY | {"set": {"data": [], "total": 3}}):
        sandbox.ask("PUT", "faults", {"faults": [rule]})
        assert site.apply("--allow", "list-incomplete").code == 0
        assert site.purchases == {"alpha": 1}
        assert site.here("plan", "--detailed-exitcode").code == 0


def test_a_lost_state_is_rebuilt_with_what_it_lacks(site, sandbox):
    site.apply()
    sandbox.arm(EMPTY)
    journal = next((site.folder / "state").glob("*.json"))
    journal.write_text("{}")
    rebuilt = site.here("state", "rebuild", "--auto-approve")
    assert rebuilt.code == 0, rebuilt.text
    assert "list-incomplete" in rebuilt.text
    assert site.apply().code == 0
    assert site.purchases == {"alpha": 1}
