"""A purchase whose reply was lost, and whose server is listed under another name: never carried out is what nobody may conclude."""

import pytest
import yaml
from support.console import Console
from support.process_workspace import QUIET, STACK

LISTS = ["ListAllDevServers", "ListDevServers"]
LOST = {"at": "CreateDevServer", "fault": "reset", "executed": True}
FOUND_LATER = ("apply", "--auto-approve", "--resolve-timeout", "0")
SHOWN = {
    "in another case": {"name": "ALPHA"},
    "with a suffix": {"name": "alpha-0001"},
    "renamed": {"name": "somebodys"},
    "renamed, and its flavor in another case": {"name": "somebodys", "flavor": "SI2.LARGE.4"},
    "renamed, and its flavor with blanks": {"name": "somebodys", "flavor": " Si2.large.4 "},
    "renamed, and its key pair changed": {"name": "somebodys", "key_pair_name": "another"},
    "renamed, and as if made in 1970": {"name": "somebodys", "create_at": 0},
    "renamed, and with a negative time": {"name": "somebodys", "create_at": -1},
    "renamed, and with seconds for milliseconds": {"name": "somebodys", "create_at": 1_795_000_000},
    "null": {"name": None},
    "null, and as if made in 1970": {"name": None, "create_at": 0},
    "no text": {"name": 7},
}


@pytest.fixture
def workspace(direct_workspace):
    return direct_workspace


@pytest.mark.parametrize("row", SHOWN.values(), ids=SHOWN)
def test_it_stays_in_doubt_and_is_named(workspace, sandbox, row):
    rule = {"at": LISTS, "times": "always", "fault": "rewrite", "rows": row}
    sandbox.arm(LOST, rule)
    assert workspace.run_in_process(*FOUND_LATER).code == 6
    sandbox.advance(QUIET)
    again = workspace.run_in_process(*FOUND_LATER)
    assert (again.code, workspace.purchases) == (6, {"alpha": 1}), again.text
    planned = workspace.run_in_process("plan", "--detailed-exitcode")
    assert planned.code == 6
    if isinstance(row["name"], str):
        assert "as requested except for the name" in planned.words
        assert f"({row['name']})" in workspace.run_in_process("drift").words
        assert f"({row['name']})" in planned.words

    sandbox.ask("DELETE", "faults")
    assert workspace.run_in_process(*FOUND_LATER).code == 0
    assert workspace.purchases == {"alpha": 1}
    assert workspace.run_in_process("plan", "--detailed-exitcode").code == 0


def test_one_that_is_dated_a_little_too_early_stays_in_doubt(workspace, sandbox, colleague_at):
    sandbox.arm(LOST)
    assert workspace.run_in_process(*FOUND_LATER).code == 6
    (row,) = [row for row in workspace.ledger if row.kind == "purchase"]
    colleague_at.rename(row.server_id, "somebodys")
    (intent,) = workspace.state()["intents"].values()
    made_at = intent["server_time"] - 16 * 60 * 1000
    sandbox.arm({"at": LISTS, "times": "always", "fault": "rewrite", "rows": {"create_at": made_at}})
    sandbox.advance(QUIET)
    assert (workspace.run_in_process(*FOUND_LATER).code, workspace.purchases) == (6, {"alpha": 1})
    assert workspace.run_in_process("resolve", "alpha", "--absent").code == 0, "a person knows better"
    assert workspace.apply().code == 0


def test_a_server_whose_name_is_always_shown_in_another_case_is_left_alone(workspace, sandbox):
    sandbox.arm({"at": [*LISTS, "ShowDevServer"], "times": "always", "fault": "rewrite", "rows_upper": ["name"]})
    assert workspace.run_in_process(*FOUND_LATER).code == 0
    again = workspace.run_in_process("apply", "--auto-approve")
    assert (again.code, "No changes" in again.out, workspace.purchases) == (0, True, {"alpha": 1}), again.text
    assert workspace.run_in_process("drift", "--detailed-exitcode").code == 0


def test_a_person_who_has_looked_says_that_a_colleagues_is_none_of_ours(workspace, sandbox, colleague_at):
    sandbox.arm(LOST | {"executed": False})
    assert workspace.run_in_process(*FOUND_LATER).code == 6
    defaults = yaml.safe_load(STACK)["defaults"]
    colleague_at.buy({**defaults, "name": "theirs"})
    sandbox.advance(QUIET)
    waiting = workspace.run_in_process(*FOUND_LATER)
    assert (waiting.code, "(theirs)" in waiting.words, "`provisioner resolve 'alpha' --absent`" in waiting.words) == (
        6,
        True,
        True,
    )
    assert workspace.run_in_process("resolve", "alpha", "--absent").code == 0
    assert workspace.apply().code == 0
    assert workspace.purchases == {"alpha": 1, "theirs": 1}
    after = workspace.run_in_process("plan", "--detailed-exitcode")
    assert (after.code, "theirs" in after.text) == (0, False)


def test_one_that_shows_renamed_after_all_is_named_for_a_day_and_is_no_difference(workspace, sandbox, colleague_at):
    sandbox.arm(LOST, {"at": "CreateDevServer", "fault": "lag", "seconds": 30 * 60, "show": False})
    assert workspace.run_in_process(*FOUND_LATER).code == 6
    sandbox.advance(QUIET)
    assert workspace.run_in_process(*FOUND_LATER).code == 0
    (known,) = [one["id"] for one in workspace.state()["resources"].values()]
    sandbox.advance(5 * 60)
    (late,) = {row.server_id for row in workspace.ledger if row.kind == "purchase"} - {known}
    colleague_at.rename(late, "somebodys")
    planned = workspace.run_in_process("plan", "--detailed-exitcode")
    assert (planned.code, "Warning[maybe-bought]" in planned.text) == (0, True)
    assert (late in planned.text, "somebodys" in planned.text) == (True, True)
    sandbox.advance(24 * 60 * 60)
    assert "maybe-bought" not in workspace.run_in_process("plan").text


def test_the_advised_way_takes_one_that_was_renamed(workspace, sandbox, server):
    """`--adopt` was refused because of the name, `import` because of the doubt, and each named the other."""
    sandbox.arm(LOST)
    assert workspace.run_in_process(*FOUND_LATER).code == 6
    (bought,) = [row.server_id for row in workspace.ledger if row.kind == "purchase"]
    console = Console(server.url)
    console.rename(bought, "somebodys")
    console.end()
    advised = f"`provisioner resolve 'alpha' --adopt {bought} --allow other-name`"
    refused = workspace.run_in_process("resolve", "alpha", "--adopt", bought)
    assert (refused.code, advised in refused.words, advised in workspace.run_in_process("plan").words) == (
        1,
        True,
        True,
    )
    assert workspace.run_in_process("resolve", "alpha", "--adopt", bought, "--allow", "other-name").code == 0
    assert workspace.run_in_process(*FOUND_LATER).code == 0
    assert (workspace.purchases, workspace.state()["resources"]["alpha"]["id"]) == ({"alpha": 1}, bought)
    assert workspace.apply().code == 0, "it is given the declared name"
    assert workspace.run_in_process("plan", "--detailed-exitcode").code == 0


def test_what_another_doubt_accounts_for_is_not_named_as_this_one(workspace, sandbox):
    """Nor is a prepaid server where pay-per-use was asked for, whatever its name."""
    prepaid = "{charging_mode: PRE_PAID, period_type: MONTH, period_num: 1, is_auto_pay: true}"
    workspace.write(f"servers: {{alpha: {{}}, beta: {{}}, gate: {{charging_info: {prepaid}}}}}\n")
    sandbox.arm(
        LOST | {"server": "alpha", "executed": False},
        LOST | {"server": "beta", "executed": True},
        LOST | {"server": "gate", "executed": True},
    )
    assert workspace.run_in_process(*FOUND_LATER).code == 6
    planned = workspace.run_in_process("plan").words
    assert planned.count("run `provisioner apply`: it adopts") == 2
    assert "as requested except for the name" not in planned
