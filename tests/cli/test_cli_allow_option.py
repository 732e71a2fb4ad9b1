"""--allow: what it takes, for how long it holds, and where it is written down."""

from __future__ import annotations

import pytest

PREPAID = "servers: {gateway: {charging_info: {charging_mode: PRE_PAID, period_type: MONTH, period_num: 1, is_auto_pay: true}}}\n"
TEN = "servers: {pool: {count: 10}}\n"
FIVE = "servers: {pool: {count: 5}}\n"


@pytest.fixture
def prepaid(cli):
    cli.write_specs(PREPAID)
    cli.apply()
    return cli


@pytest.mark.parametrize("command", [["plan", "--destroy"], ["apply", "--destroy"], ["destroy"]])
def test_a_guard_is_named_and_steps_aside_for_one_run(prepaid, command) -> None:
    for _ in range(2):
        prepaid.assert_fails(*command, code="prepaid-delete", exit_code=4) if command[0] != "plan" else None
        refused = prepaid.run(*command)
        assert (refused.code, "[prepaid-delete]" in refused.text) == (4, True)
    yes = [] if command[0] == "plan" else ["--auto-approve"]
    allowed = prepaid.run(*command, "--allow", "prepaid-delete", *yes)
    assert allowed.code == 0
    assert "Warning[prepaid-delete]" in allowed.text
    assert "allowed for this run" in allowed.text


def test_several_are_allowed_together_and_nothing_more(cli) -> None:
    cli.write_specs(TEN)
    cli.apply()
    cli.write_specs(FIVE)
    cli.assert_fails(
        "apply", "--auto-approve", "--allow", "vanished", "--allow", "max-servers", code="mass-change", exit_code=4
    )
    assert cli.run("apply", "--auto-approve", "--allow", "vanished", "--allow=mass-change").code == 0
    cli.write_specs(TEN)
    cli.write_stack(f"{(cli.path / 'specs/stack.yaml').read_text()}guards: {{max_servers: 7}}\n")
    cli.assert_fails("apply", "--auto-approve", "--allow", "mass-change", code="max-servers", exit_code=4)
    assert cli.run("apply", "--auto-approve", "-allow", "all").code == 0


def test_protection_is_taken_away_by_its_own_name(cli) -> None:
    cli.write_specs("servers: {gateway: {lifecycle: {prevent_destroy: true}}}\n")
    cli.apply()
    cli.assert_fails("destroy", "--auto-approve", "--allow", "all", code="protected", exit_code=4)
    assert cli.run("destroy", "--auto-approve", "--allow", "protected").code == 0
    assert [kind for kind, _ in cli.ledger()] == ["purchase", "release"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("mass-chnage", "did you mean mass-change?"),
        (
            "everything",
            "there are: mass-change, prepaid-delete, max-servers, vanished, protected, unread-sibling, not-listed, list-incomplete, refused-before, charging-mismatch, term-ended, unknown-status, order-unseen, open-order, no-state, state-elsewhere, state-replaced, held-twice, and all",
        ),
        ("prepaid-replace", "by naming it: --replace"),
        ("name-taken", "is not a guard that --allow lifts"),
        ("", "is not a guard that --allow lifts"),
    ],
)
@pytest.mark.parametrize("command", ["plan", "apply", "destroy"])
def test_any_other_word_is_refused(cli, command, given, told) -> None:
    ran = cli.run(command, "--allow", given)
    assert (ran.code, cli.ledger()) == (1, [])
    assert told in ran.stderr_text


def test_the_history_keeps_what_was_allowed(prepaid) -> None:
    assert prepaid.run("destroy", "--auto-approve", "--allow", "prepaid-delete", "--reason", "moved").code == 0
    assert "\n  reason: moved\n  allowed: prepaid-delete\n" in prepaid.run("history").out
    starts = [
        one["entry"]["allowed"]
        for one in prepaid.run("history", "--json").document["records"]
        if one["type"] == "run_started"
    ]
    assert starts == [[], ["prepaid-delete"]]


def test_a_saved_plan_keeps_it_and_takes_no_other(prepaid) -> None:
    assert prepaid.run("plan", "--destroy", "--out", "end.plan").code == 4
    assert not (prepaid.path / "end.plan").exists()
    assert prepaid.run("plan", "--destroy", "--out", "end.plan", "--allow", "prepaid-delete").code == 0
    assert "allowed for this run" in prepaid.run("show", "end.plan").out
    assert "belong to `plan --out`" in prepaid.run("apply", "end.plan", "--allow", "all").stderr_text
    assert prepaid.run("apply", "end.plan").code == 0
    assert "allowed: prepaid-delete" in prepaid.run("history").out


def test_a_saved_plan_tells_what_was_allowed_also_where_it_lifts_nothing(cli) -> None:
    allowed = ("--allow", "mass-change", "--allow", "vanished")
    assert cli.run("plan", "--out", "first.plan", *allowed).code == 0
    assert "Allowed for this run: mass-change, vanished" in cli.run("show", "first.plan").out
    assert cli.run("show", "first.plan", "--json").document["allowed"] == ["mass-change", "vanished"]
    assert cli.run("apply", "first.plan").code == 0
    assert "allowed: mass-change, vanished" in cli.run("history").out


def test_a_saved_plan_of_all_does_not_take_a_protection_away(cli) -> None:
    cli.write_specs("servers: {gateway: {lifecycle: {prevent_destroy: true}}}\n")
    cli.apply()
    refused = cli.run("plan", "--destroy", "--out", "end.plan", "--allow", "all")
    assert (refused.code, "[protected]" in refused.text) == (4, True)
    assert not (cli.path / "end.plan").exists()
    cli.write_specs("servers: {gateway: {flavor: Si2.xlarge.4, lifecycle: {prevent_destroy: true}}}\n")
    for options in ((), ("--replace", "gateway")):
        cli.assert_fails("apply", "--auto-approve", "--allow", "all", *options, code="protected", exit_code=4)


@pytest.mark.parametrize(
    ("limits", "servers", "left", "refused"),
    [
        ("", 9, 1, False),
        ("", 10, 7, False),
        ("", 10, 6, True),
        ("mass_change_percent: 40", 10, 6, False),
        ("mass_change_percent: 0", 10, 9, True),
        ("mass_change_percent: 100", 10, 0, False),
        ("mass_change_from: 4", 4, 2, True),
        ("mass_change_from: 5", 4, 2, False),
        ("mass_change_from: 4, mass_change_percent: 50", 4, 2, False),
        ("mass_change_from: 4, mass_change_percent: 50", 4, 1, True),
    ],
)
def test_how_much_is_much_is_the_stacks_to_say(cli, limits, servers, left, refused) -> None:
    cli.write_specs(f"servers: {{pool: {{count: {servers}}}}}\n")
    cli.apply()
    cli.write_stack(f"{(cli.path / 'specs/stack.yaml').read_text()}guards: {{{limits}}}\n")
    cli.write_specs(f"servers: {{pool: {{count: {left}}}}}\n")
    if refused:
        cli.assert_fails("apply", "--auto-approve", code="mass-change", exit_code=4)
        assert cli.run("apply", "--auto-approve", "--allow", "mass-change").code == 0
    else:
        cli.apply()
    assert len([kind for kind, _ in cli.ledger() if kind == "release"]) == servers - left


def test_json_says_what_was_allowed_and_what_that_lifted(prepaid) -> None:
    plan = prepaid.run("plan", "--destroy", "--allow", "all", "--json").document
    assert plan["allowed"] == [
        "charging-mismatch",
        "list-incomplete",
        "mass-change",
        "max-servers",
        "not-listed",
        "open-order",
        "prepaid-delete",
        "refused-before",
        "term-ended",
        "unknown-status",
        "unread-sibling",
        "vanished",
    ]
    assert [one["code"] for one in plan["lifted"]] == ["prepaid-delete"]
    assert (plan["refusals"], plan["applyable"]) == ([], True)
    refused = prepaid.run("plan", "--destroy", "--json").document
    assert ([one["code"] for one in refused["refusals"]], refused["applyable"]) == (["prepaid-delete"], False)


def test_a_saved_plan_is_stale_once_the_limits_have_changed(cli) -> None:
    assert cli.run("plan", "--out", "first.plan").code == 0
    cli.write_stack(f"{(cli.path / 'specs/stack.yaml').read_text()}guards: {{mass_change_percent: 50}}\n")
    assert (
        "guards: in stack.yaml has changed"
        in cli.assert_fails("apply", "first.plan", code="plan-stale", exit_code=4).err
    )


@pytest.mark.parametrize(
    "section",
    ["{mass_change_percent: 101}", "{mass_change_percent: -1}", "{mass_change_from: 0}", "{max_servers: -1}", "{max_servers: many}",
     "{max_server: 1}", "[1]", "{mass_change_percent: 30.5}"],
)  # fmt: skip
def test_limits_that_cannot_be_are_mistakes_in_stack_yaml(cli, section) -> None:
    cli.write_stack(f"{(cli.path / 'specs/stack.yaml').read_text()}guards: {section}\n")
    ran = cli.run("plan")
    assert ran.code == 1
    assert "stack.yaml:" in ran.err
