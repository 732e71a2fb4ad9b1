"""Where no state was ever recorded nothing is green: a mistyped place and a fresh runner look the same as nothing to do."""

from __future__ import annotations

import pytest

READING = [
    ("show",),
    ("output",),
    ("output", "gateway.id"),
    ("state", "list"),
    ("state", "show", "gateway"),
    ("inventory", "--format", "env"),
    ("history",),
    ("history", "gateway"),
    ("expiring",),
    ("orders", "list"),
]


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_what_only_reads_it_says_so_and_fails(cli, command):
    said = cli.assert_fails(*command, code="no-state").stderr_text
    assert str(cli.state / "demo.json") in said
    cli.assert_fails(*command, "--state", "mistyped", code="no-state")
    assert not (cli.path / "mistyped").exists()


@pytest.mark.parametrize("command", [one for one in READING if one[0] != "inventory"], ids=" ".join)
def test_so_it_does_for_a_machine(cli, command):
    ran = cli.run(*command, "--json") if command != ("state", "list") else cli.run("state", "show", "x", "--json")
    assert ran.code == 1
    assert [finding["code"] for finding in ran.document["diagnostics"]] == ["no-state"]


def test_other_states_at_the_place_are_named(cli):
    cli.write("state/demo.prod.json", "{}")
    assert "demo.prod" in cli.assert_fails("show", code="no-state").stderr_text


@pytest.mark.parametrize(
    "command",
    [("drift",), ("plan", "--destroy"), ("plan", "--refresh-only"), ("destroy", "--auto-approve"),
     ("apply", "--refresh-only", "--auto-approve")],
    ids=" ".join,
)  # fmt: skip
def test_what_compares_or_releases_is_refused_unless_that_is_allowed(cli, command):
    said = cli.run(*command)
    assert (said.code, "Error[no-state]" in said.text) == (4, True), said.text
    assert "No drift" not in said.out
    assert not cli.state_files()
    allowed = cli.run(*command, "--allow", "no-state")
    assert allowed.code == 0, allowed.text
    assert cli.run(*command, "--allow", "all").code == 4


def test_drift_says_so_to_a_machine_in_its_own_document(cli):
    ran = cli.run("drift", "--json")
    assert ran.code == 4
    assert [one["code"] for one in ran.document["refusals"]] == ["no-state"]
    assert ran.document["drift"] == []
    cli.apply()
    assert cli.run("drift", "--json").document["refusals"] == []


def test_a_plan_says_that_everything_would_be_bought(cli):
    ran = cli.run("plan", "--detailed-exitcode")
    assert ran.code == 2
    assert f"no state yet at {cli.state / 'demo.json'}: everything would be bought" in " ".join(ran.out.split())
    assert [one["code"] for one in cli.run("plan", "--json").document["findings"]] == ["no-state"]
    cli.apply()
    assert "no-state" not in cli.run("plan").out
    assert cli.run("destroy", "--auto-approve").code == 0
    assert "no-state" not in cli.run("plan").out
