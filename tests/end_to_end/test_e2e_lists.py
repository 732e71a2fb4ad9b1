"""Lists as a real cloud may show them: what they show is believed, and what they may hide is neither absent nor free to be bought."""

import pytest

LIST = {"at": "ListAllDevServers", "times": "always"}
LISTS = {"at": ["ListAllDevServers", "ListDevServers"], "times": "always"}
STRANGER = {"name": "theirs", "status": "RUNNING"}


@pytest.fixture
def workspace(direct_workspace):
    return direct_workspace


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
def test_what_a_list_may_look_like_stops_nobody(workspace, sandbox, rule):
    sandbox.arm(rule)
    bought = workspace.apply()
    assert (bought.code, workspace.purchases) == (0, {"alpha": 1}), bought.text
    again = workspace.apply()
    assert (again.code, workspace.purchases) == (0, {"alpha": 1}), again.text
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
def test_a_limit_that_is_refused_is_lowered_as_far_as_it_takes(workspace, sandbox, rules):
    workspace.write("servers: {alpha: {count: 3}}\n")
    sandbox.arm(*rules)
    bought = workspace.apply()
    assert bought.code == 0, bought.text
    assert workspace.run_in_process("plan", "--detailed-exitcode").code == 0
    assert set(workspace.purchases.values()) == {1}


TOO_HIGH = LIST | {"fault": "rewrite", "set": {"total": 9}}
HIDING = {
    "a total too high": TOO_HIGH,
    "a row that is nothing": LIST | {"fault": "rewrite", "add": [None], "set": {"total": 1}},
    "our name without id": LIST | {"fault": "rewrite", "add": [{"name": "alpha"}], "set": {"total": 1}},
}


@pytest.mark.parametrize("rule", HIDING.values(), ids=HIDING)
def test_what_may_hide_a_server_of_the_wanted_name_lets_nobody_buy_it_unasked(workspace, sandbox, rule):
    sandbox.arm(rule)
    refused = workspace.apply()
    assert (refused.code, workspace.purchases) == (4, {})
    assert "list-incomplete" in refused.text
    assert "GET /v1/{project_id}/dev-servers/all" in refused.words
    assert "unreachable" not in refused.text
    assert workspace.apply("--allow", "list-incomplete").code == 0
    assert workspace.purchases == {"alpha": 1}


def test_nothing_that_is_recorded_is_missing_for_it_and_everything_else_goes_on(workspace, sandbox):
    workspace.apply()
    sandbox.arm(LIST | {"fault": "rewrite", "set": {"data": [], "total": 9}})
    planned = workspace.run_in_process("plan", "--detailed-exitcode")
    assert planned.code == 0, "it is asked for alone, and is there"
    assert "Warning[list-incomplete]" in planned.text
    assert "vanished" not in planned.text
    destroyed = workspace.run_in_process("destroy", "--auto-approve")
    assert (destroyed.code, workspace.ledger_counts("release")) == (0, {"alpha": 1})


def test_a_doubt_stays_open_as_long_as_the_list_may_hide_the_server(workspace, sandbox):
    sandbox.arm({"at": "CreateDevServer", "fault": "reset", "executed": False})
    assert workspace.apply("--resolve-timeout", "0").code == 6
    sandbox.advance(3600)
    sandbox.arm(LIST | {"fault": "rewrite", "add": [STRANGER], "set": {"total": 1}})
    assert workspace.apply("--resolve-timeout", "0", "--allow", "list-incomplete").code == 6
    assert workspace.purchases == {}, "the row that cannot be read may be it"


@pytest.mark.parametrize("what", ["--all", "--match=*"])
def test_all_that_nobody_owns_is_not_said_to_be_taken_over_from_a_list_that_hides_some(workspace, sandbox, what):
    workspace.write("servers: {alpha: {}, beta: {}}\n")
    assert workspace.apply().code == 0
    workspace.write("servers: {}\n")
    assert workspace.run_in_process("state", "rm", "alpha", "beta", "--auto-approve").code == 0
    sandbox.arm(LISTS | {"fault": "short", "rows": 1})
    partly = workspace.run_in_process("adopt", what, "--auto-approve")
    assert partly.code == 7, partly.text
    assert "list-incomplete" in partly.text
    assert len(workspace.state()["resources"]) == 1
    sandbox.ask("DELETE", "faults")
    assert workspace.run_in_process("adopt", what, "--auto-approve").code == 0
    assert len(workspace.state()["resources"]) == 2
