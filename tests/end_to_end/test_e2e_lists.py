"""Lists as a real cloud may show them: what they show is believed, and what they may hide is neither absent nor free to be bought."""

import pytest

LIST = {"at": "ListAllDevServers", "times": "always"}
LISTS = {"at": ["ListAllDevServers", "ListDevServers"], "times": "always"}
STRANGER = {"name": "theirs", "status": "RUNNING"}


@pytest.fixture
def site(served):
    return served


def whole(ran):
    return " ".join(ran.text.split())


REFUSED = {"fault": "answer", "executed": False}
AS_GOOD_AS_WHOLE = {
    "no data and no total": LISTS | {"times": 1, "fault": "rewrite", "drop": ["data", "total"]},
    "null for both": LISTS | {"times": 1, "fault": "rewrite", "set": {"data": None, "total": None}},
    "a total that is text": LIST | {"times": 1, "fault": "rewrite", "set": {"total": "0"}},
    "all is refused with 405": LIST | REFUSED | {"status": 405},
    "all fails": LIST | REFUSED | {"status": 500},
    "a limit above 100 is refused": LISTS | {"fault": "cap", "rows": 100, "refused": True},
    "a limit is passed over": LISTS | {"fault": "cap", "rows": 1, "refused": False},
    "a stranger without id": LIST | {"fault": "rewrite", "add": [STRANGER], "set": {"total": 1}, "times": 1},
}


@pytest.mark.parametrize("rule", AS_GOOD_AS_WHOLE.values(), ids=AS_GOOD_AS_WHOLE)
def test_what_a_list_may_look_like_stops_nobody(site, sandbox, rule):
    sandbox.arm(rule)
    bought = site.apply()
    assert (bought.code, site.purchases) == (0, {"alpha": 1}), bought.text
    again = site.apply()
    assert (again.code, site.purchases) == (0, {"alpha": 1}), again.text
    assert "unreachable" not in bought.text + again.text


CAPS = {
    "above 1, from the second page on": [
        LISTS | {"fault": "cap", "rows": 1, "refused": False},
        LISTS | {"fault": "cap", "rows": 1, "refused": True, "after": 1},
    ],
    "above 20, and 2 rows a page": [
        LISTS | {"fault": "cap", "rows": 20, "refused": True},
        LISTS | {"fault": "cap", "rows": 2, "refused": False},
    ],
    "above 1, where all is refused": [
        LIST | REFUSED | {"status": 403},
        LISTS | {"fault": "cap", "rows": 1, "refused": True},
    ],
}


@pytest.mark.parametrize("rules", CAPS.values(), ids=CAPS)
def test_a_limit_that_is_refused_is_lowered_as_far_as_it_takes(site, sandbox, rules):
    site.write("servers: {alpha: {count: 3}}\n")
    sandbox.arm(*rules)
    bought = site.apply()
    assert bought.code == 0, bought.text
    assert site.here("plan", "--detailed-exitcode").code == 0
    assert set(site.purchases.values()) == {1}


TOO_HIGH = LIST | {"fault": "rewrite", "set": {"total": 9}}
HIDING = {
    "a total too high": TOO_HIGH,
    "a row that is nothing": LIST | {"fault": "rewrite", "add": [None], "set": {"total": 1}},
    "our name without id": LIST | {"fault": "rewrite", "add": [{"name": "alpha"}], "set": {"total": 1}},
}


@pytest.mark.parametrize("rule", HIDING.values(), ids=HIDING)
def test_what_may_hide_a_server_of_the_wanted_name_lets_nobody_buy_it_unasked(site, sandbox, rule):
    sandbox.arm(rule)
    refused = site.apply()
    assert (refused.code, site.purchases) == (4, {})
    assert "list-incomplete" in refused.text
    assert "GET /v1/{project_id}/dev-servers/all" in whole(refused)
    assert "unreachable" not in refused.text
    assert site.apply("--allow", "list-incomplete").code == 0
    assert site.purchases == {"alpha": 1}


def test_nothing_that_is_recorded_is_missing_for_it_and_everything_else_goes_on(site, sandbox):
    site.apply()
    sandbox.arm(LIST | {"fault": "rewrite", "set": {"data": [], "total": 9}})
    planned = site.here("plan", "--detailed-exitcode")
    assert planned.code == 0, "it is asked for alone, and is there"
    assert "Warning[list-incomplete]" in planned.text
    assert "vanished" not in planned.text
    destroyed = site.here("destroy", "--auto-approve")
    assert (destroyed.code, site.entries("release")) == (0, {"alpha": 1})


def test_a_doubt_stays_open_as_long_as_the_list_may_hide_the_server(site, sandbox):
    sandbox.arm({"at": "CreateDevServer", "fault": "reset", "executed": False})
    assert site.apply("--resolve-timeout", "0").code == 6
    sandbox.advance(3600)
    sandbox.arm(LIST | {"fault": "rewrite", "add": [STRANGER], "set": {"total": 1}})
    assert site.apply("--resolve-timeout", "0", "--allow", "list-incomplete").code == 6
    assert site.purchases == {}, "the row that cannot be read may be it"


@pytest.mark.parametrize("what", ["--all", "--match=*"])
def test_all_that_nobody_owns_is_not_said_to_be_taken_over_from_a_list_that_hides_some(site, sandbox, what):
    site.write("servers: {alpha: {}, beta: {}}\n")
    assert site.apply().code == 0
    site.write("servers: {}\n")
    assert site.here("state", "rm", "alpha", "beta", "--auto-approve").code == 0
    sandbox.arm(LISTS | {"fault": "short", "rows": 1})
    partly = site.here("adopt", what, "--auto-approve")
    assert partly.code == 7, partly.text
    assert "list-incomplete" in partly.text
    assert len(site.state()["resources"]) == 1
    sandbox.ask("DELETE", "faults")
    assert site.here("adopt", what, "--auto-approve").code == 0
    assert len(site.state()["resources"]) == 2
