"""Commands in messages can be pasted: whole, on one line, and with the options by which this run found its stack."""

from __future__ import annotations

import re
import shlex

import pytest

from provisioner.cli.commands import cli as group
from provisioner.cli.pasted_commands import GivenOptions
from provisioner.rendering.style import Style, wrap

PREVIOUS = "servers: {worker: {name: gateway}}\n"
"""The one server under another address: a guard refuses to buy its name again, and says how to move it."""


@pytest.mark.parametrize(
    ("said", "pasted"),
    [
        ("`provisioner apply`", "`provisioner -C 'my stack' apply --specs specs -e dev --state /s`"),
        (
            "`provisioner state mv 'a' 'b'`",
            "`provisioner -C 'my stack' state mv 'a' 'b' --specs specs -e dev --state /s`",
        ),
        ("`provisioner plan --specs other`", "`provisioner -C 'my stack' plan --specs other -e dev --state /s`"),
        ("`provisioner version`", "`provisioner -C 'my stack' version`"),
        ("with `state rm` or provisioner", "with `state rm` or provisioner"),
        ("`provisioner nonsense`", "`provisioner -C 'my stack' nonsense`"),
    ],
)
def test_a_command_gets_the_options_that_it_takes_and_lacks(said, pasted):
    options = GivenOptions({"--chdir": "my stack", "--specs": "specs", "-e": "dev", "--state": "/s"}, group)
    assert options.complete(said) == pasted
    assert GivenOptions().complete(said) == said


def test_the_same_work_again_has_the_variables_and_the_selection_of_this_run(cli):
    cli.write_stack(
        cli.path.joinpath("specs/stack.yaml").read_text()
        + "variables: {n: {type: integer, default: 1}, token: {type: string, default: x}}\n"
    )
    cli.write_specs('servers: {pool: {count: "{{ var.n }}"}, other: {}}\n')
    given = ("--var", "n=3", "--var", "token=abc-def", "--target", "pool")
    refused = cli.run("apply", *given, "--allow", "max-servers").stderr_text
    assert "`provisioner plan --allow max-servers --target pool --out tonight.plan --var n=3`" in refused
    assert "abc-def" not in refused
    options = GivenOptions(root=group, variables=[("--var", "n=3")], selection=[("--target", "pool")])
    assert options.complete("`provisioner apply`") == "`provisioner apply --var n=3 --target pool`"
    assert options.complete("`provisioner apply --replace 'x'`") == "`provisioner apply --replace 'x' --var n=3`"
    assert options.complete("`provisioner version`") == "`provisioner version`"


@pytest.mark.parametrize("option", ["-e", "--state"])
def test_an_option_of_an_empty_variable_of_the_shell_is_refused(cli, option):
    refused = cli.run("plan", option, "")
    assert (refused.code, "is empty" in refused.err) == (1, True)


def test_a_command_stays_on_one_line_however_narrow_the_screen_is():
    hint = f"keep the server: `provisioner state mv '{'a' * 40}' '{'b' * 40}'`, or say so in the specs, which takes no command"
    lines = [*wrap(hint, 40)]
    assert f"`provisioner state mv '{'a' * 40}' '{'b' * 40}'`," in lines
    assert max(len(line) for line in lines if "`" not in line) <= 40


def test_what_a_refused_plan_advises_runs_as_it_is_pasted(applied, monkeypatch):
    """From another directory, with specs and a state of other names: without the options it would find no stack."""
    applied.write_specs(PREVIOUS)
    (applied.path / "specs").rename(applied.path / "declared")
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.chdir(applied.path.parent)
    refused = applied.run("-C", applied.path.name, "plan", "--specs", "declared")
    (command,) = set(re.findall(r"`(provisioner [^`]* state mv [^`]*)`", refused.out))
    monkeypatch.chdir(applied.path.parent)
    moved = applied.run(*shlex.split(command)[1:])
    assert (moved.code, moved.out) == (0, "gateway -> worker\n")


def test_a_plan_that_is_saved_is_applied_by_the_command_that_is_shown(applied):
    applied.write_specs("servers: {gateway: {}, second: {}}\n")
    said = applied.run("plan", "--specs", "specs", "--out", "to night.plan").err
    command = next(line for line in said.splitlines() if line.startswith("  provisioner apply"))
    assert command == "  provisioner apply 'to night.plan' --specs specs"
    assert applied.run(*shlex.split(command)[1:]).code == 0


def test_a_refused_plan_says_that_nothing_was_saved(applied):
    applied.write_stack(guards="{max_servers: 1}")
    applied.write_specs("servers: {gateway: {}, second: {}}\n")
    applied.write("specs/stack.yaml", (applied.path / "specs/stack.yaml").read_text() + "guards: {max_servers: 1}\n")
    refused = applied.run("plan", "--out", "one.plan")
    assert refused.code == 4
    assert "Nothing was saved to one.plan" in refused.err
    assert "earlier plan" not in refused.err
    allowed = applied.run("plan", "--out", "one.plan", "--allow", "max-servers")
    assert (allowed.code, "Nothing was saved" in allowed.err) == (0, False)
    assert "one.plan still holds an earlier plan" in applied.run("plan", "--out", "one.plan").err


def test_a_plan_in_a_file_holds_its_findings_and_stderr_only_what_to_do_next(applied):
    applied.write_specs(PREVIOUS)
    refused = applied.run("plan")
    assert "Warning[likely-move]" in refused.out
    assert "Error[name-held]" in refused.out
    assert refused.err == ""


def test_a_style_without_options_leaves_messages_as_they_are():
    assert Style(color=False).complete("run `provisioner apply`") == "run `provisioner apply`"
