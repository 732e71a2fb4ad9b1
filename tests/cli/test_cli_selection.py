"""--target, --exclude, --selector: what they choose, what they say they left out, and what is no choice."""

from __future__ import annotations

import pytest

SPECS = """\
servers:
  gateway: {labels: {team: vision}}
  trainer: {count: 2, labels: {team: speech, role: train}}
"""
ALL_NAMES = ["gateway", "trainer-0", "trainer-1"]


@pytest.fixture
def team(cli):
    cli.write_specs(SPECS)
    return cli


@pytest.mark.parametrize(
    ("options", "chosen"),
    [
        (["--target", "gateway"], ["gateway"]),
        (["--target", "trainer"], ["trainer-0", "trainer-1"]),
        (["--target", "trainer[1]", "-target=gateway"], ["gateway", "trainer-1"]),
        (["--exclude", "trainer[1]"], ["gateway", "trainer-0"]),
        (["--selector", "team=speech"], ["trainer-0", "trainer-1"]),
        (["--selector", "team=speech", "--selector", "role=train", "--exclude", "trainer[0]"], ["trainer-1"]),
    ],
)
def test_only_what_was_chosen_is_bought_and_only_that_released(team, options, chosen) -> None:
    assert team.run("apply", "--auto-approve", *options).code == 0
    assert sorted(team.bought()) == chosen
    team.apply()
    assert sorted(team.bought()) == ALL_NAMES
    assert team.run("destroy", "--auto-approve", *options).code == 0
    assert sorted(name for kind, name in team.ledger() if kind == "release") == chosen


def test_what_was_left_out_is_said_in_text(team) -> None:
    ran = team.run("plan", "--target", "gateway")
    assert "Left out by --target 'gateway': 2 changes\n  + trainer[0]\n  + trainer[1]\n" in ran.out
    assert ran.out.endswith("Plan: 1 to add, 0 to change, 0 to destroy.\n")
    team.run("apply", "--auto-approve", "--target", "gateway")
    nothing = team.run("plan", "--target", "gateway", "--detailed-exitcode")
    assert nothing.code == 0
    assert "No changes. The selected servers match the specs." in nothing.out
    assert "Left out by" in nothing.out
    assert "Left out" not in team.run("plan").out


def test_what_was_left_out_is_said_in_json(team) -> None:
    plan = team.run("plan", "--exclude", "trainer", "--selector", "team=vision", "--json").document
    assert plan["selection"] == {
        "target": [],
        "exclude": ["trainer"],
        "selector": ["team=vision"],
        "keep_protected": [],
    }
    assert plan["left_out"] == [{"address": f"trainer[{number}]", "actions": ["create"]} for number in range(2)]
    by_address = {one["address"]: one for one in plan["resource_changes"]}
    assert by_address["trainer[0]"]["change"]["actions"] == ["no-op"]
    assert by_address["trainer[0]"]["action_reason"] == "left_out"
    assert by_address["trainer[0]"]["change"]["after"] is None
    assert plan["summary"]["add"] == 1


def test_a_saved_plan_is_of_the_part_and_says_so(team) -> None:
    assert team.run("plan", "--target", "trainer", "--out", "part.plan").code == 0
    assert "Left out by --target 'trainer'" in team.run("show", "part.plan").out
    wrong = team.run("apply", "part.plan", "--target", "gateway")
    assert (wrong.code, "belong to `plan --out`" in wrong.stderr_text, team.bought()) == (1, True, [])
    assert "Left out by" in team.run("apply", "part.plan").out
    assert sorted(team.bought()) == ["trainer-0", "trainer-1"]


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (["--target", "gatewy"], "unknown-address", "did you mean gateway?"),
        (["--exclude", "trainer[7]"], "unknown-address", "did you mean trainer"),
        (["--target", "module.vision"], "unknown-address", "there are: gateway"),
        (["--selector", "team=visoin"], "unknown-label", "did you mean team=vision?"),
        (["--selector", "zone=a"], "unknown-label", "there are: "),
        (["--target", "gateway", "--exclude", "gateway"], "nothing-selected", "must match all"),
        (["--target", "gateway", "--selector", "team=speech"], "nothing-selected", "must match all"),
    ],
)
@pytest.mark.parametrize("command", [["plan"], ["apply", "--auto-approve"], ["destroy", "--auto-approve"]])
def test_a_choice_that_cannot_be_meant_is_refused(team, command, options, code, told) -> None:
    team.apply()
    assert told in team.assert_fails(*command, *options, code=code).stderr_text


def test_a_replacement_that_is_left_out_is_no_replacement(team) -> None:
    team.apply()
    options = ["--replace", "gateway", "--target", "trainer"]
    team.assert_fails("apply", "--auto-approve", *options, code="not-selected")


@pytest.mark.parametrize(
    "options", [["--target", "trainer[*]"], ["--selector", "team"], ["--selector", "=x"], ["--exclude", ""]]
)
def test_what_is_no_address_or_label_is_a_mistake_of_usage(team, options) -> None:
    ran = team.run("plan", *options)
    assert (ran.code, ran.out) == (1, "")
    assert "Invalid value for" in ran.err


def test_drift_is_looked_for_in_a_part_and_the_rest_is_said(team) -> None:
    team.apply()
    ran = team.run("drift", "--target", "gateway", "--json")
    assert ran.document["selection"]["target"] == ["gateway"]
    assert (ran.document["left_out"], ran.document["drifted"]) == ([], False)
    team.assert_fails("drift", "--target", "gatewy", code="unknown-address")
