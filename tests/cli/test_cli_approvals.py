"""A plan that was approved is carried out as it was approved, or nothing is sent: files and texts, forged, old, used and overtaken."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest
from support.cli_runner import CliRunner

from provisioner.model.approval import Approval
from provisioner.model.approved_content import approved_content
from provisioner.saved_plans import SavedPlan, read_plan, write_plan

TWO = "servers: {gateway: {}, second: {}}\n"
DAY = 24 * 3600
_APPROVAL = re.compile(r"--approved (\S+)")


@pytest.fixture
def saved(cli: CliRunner) -> CliRunner:
    """A plan to buy two servers, in the file `two.plan`."""
    cli.write_specs(TWO)
    assert cli.run("plan", "--out", "two.plan").code == 0
    return cli


@pytest.fixture
def elsewhere(monkeypatch, tmp_path):
    """From here on it is another user's machine, who has another key."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "elsewhere"))


def approval_in(cli: CliRunner, *options: str) -> str:
    found = _APPROVAL.search(cli.run("plan", *options).err)
    assert found is not None
    return found[1]


def forge(path: Path, **facts: object) -> SavedPlan:
    """The same file with other facts of its plan and scope, and an approval that fits: all that a person without the key can do."""
    saved = read_plan(path)
    scope = dataclasses.replace(
        saved.scope, **{key: facts.pop(key) for key in ("replace", "variables") if key in facts}
    )
    plan = dataclasses.replace(saved.plan, **facts)
    old = saved.approval
    made = Approval.of(approved_content(plan, scope), created=old.created, expires=old.expires, head=old.head)
    write_plan(path, plan, made, scope, tool_version="0.1.0", key=None)
    return SavedPlan(plan, made, scope)


def test_an_approval_allows_the_plan_that_it_was_shown_with(cli: CliRunner) -> None:
    cli.write_specs(TWO)
    ran = cli.run("apply", "--approved", approval_in(cli))
    assert ran.code == 0, ran.text
    assert cli.bought() == ["gateway", "second"]


def test_json_has_the_approval_and_says_which_was_used(cli: CliRunner) -> None:
    text = cli.run("plan", "--json").document["approval"]
    lines = cli.run("apply", "--json", "--approved", text).lines
    assert [line["plan"]["approval"] for line in lines if line["type"] == "plan"] == [text]
    assert cli.run("history", "--json").document["records"][1]["entry"]["approval"] == text
    assert f", approval {text}\n" in cli.run("history").out


def test_a_pipeline_is_told_the_approval_as_well(cli: CliRunner, monkeypatch) -> None:
    monkeypatch.setenv("PROVISIONER_IN_AUTOMATION", "1")
    assert approval_in(cli).startswith("2")


def test_a_plan_that_is_refused_has_no_approval(applied: CliRunner) -> None:
    applied.write_specs("servers: {gateway: {lifecycle: {prevent_destroy: true}}}\n")
    applied.apply()
    assert applied.run("plan", "--destroy", "--json").document["approval"] is None


@pytest.mark.parametrize(
    "change", ["servers: {gateway: {}}\n", "servers: {gateway: {}, second: {flavor: Si2.xlarge.8}}\n"]
)
def test_specs_that_moved_on_are_not_what_was_approved(saved: CliRunner, change: str) -> None:
    approval = read_plan(saved.path / "two.plan").approval
    saved.write_specs(change)
    said = saved.assert_fails("apply", "two.plan", code="plan-differs", exit_code=4).stderr_text
    assert "second: to create it was approved" in said
    assert ("wanted.fields.flavor" in said) == ("flavor" in change)
    said = saved.assert_fails("apply", "--approved", str(approval), code="plan-differs", exit_code=4).stderr_text
    assert "the plan is not the approved one" in said


def test_a_file_of_one_that_was_edited_until_it_fits_buys_nothing_that_the_specs_do_not_want(saved: CliRunner) -> None:
    path = saved.path / "two.plan"
    plan = read_plan(path).plan
    one, other = plan.changes
    more = dataclasses.replace(
        other, desired=dataclasses.replace(other.desired, fields={**other.desired.fields, "flavor": "x"})
    )
    forged = forge(path, changes=(one, more))
    said = saved.assert_fails("apply", "two.plan", "--approved", str(forged.approval), code="plan-differs", exit_code=4)
    assert "second: to create it was approved with other values" in said.stderr_text


@pytest.mark.parametrize("options", [(), ("--auto-approve",), ("--json",)])
def test_nobody_is_known_to_have_approved_of_a_file_with_options_of_its_own(
    applied: CliRunner, elsewhere, options: tuple[str, ...]
) -> None:
    """It was made with the tool, by somebody who may not be the one who is to approve."""
    assert applied.run("plan", "--replace", "gateway", "--out", "replace.plan").code == 0
    forge(applied.path / "replace.plan")
    before = applied.ledger()
    ran = applied.run("apply", "replace.plan", *options)
    assert (ran.code, applied.ledger()) == (8 if options != ("--auto-approve",) else 4, before), ran.text
    assert "--approved" in ran.stderr_text
    assert "PROVISIONER_PLAN_KEY" in ran.stderr_text
    assert json.loads((applied.path / "replace.plan").read_text())["approval"] not in ran.text  # it would prove nothing


def test_a_file_from_another_machine_is_applied_with_its_approval(saved: CliRunner, elsewhere) -> None:
    approval = str(read_plan(saved.path / "two.plan").approval)
    assert saved.run("apply", "two.plan", "--input").code == 8
    assert saved.run("apply", "two.plan", "--approved", approval).code == 0
    assert saved.bought() == ["gateway", "second"]


def test_a_plan_file_is_applied_as_it_says_where_no_key_can_be_kept(cli: CliRunner, monkeypatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/proc/none")
    planned = cli.run("plan", "--out", "night.plan")
    assert "The plan night.plan is not signed" in planned.stderr_text
    assert "To apply it, run: provisioner apply night.plan with:" in planned.stderr_text
    approval = planned.stderr_text.split("--approved ")[1].split()[0]
    assert cli.run("apply", "night.plan", "--approved", approval).code == 0


def test_a_file_from_another_machine_is_applied_with_a_shared_key(cli: CliRunner, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("PROVISIONER_PLAN_KEY", "a key that both machines share")
    assert cli.run("plan", "--out", "one.plan").code == 0
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "elsewhere"))
    assert cli.run("apply", "one.plan").code == 0
    assert cli.bought() == ["gateway"]


def test_a_plain_plan_from_another_machine_is_what_auto_approve_would_do_anyway(saved: CliRunner, elsewhere) -> None:
    assert saved.run("apply", "two.plan", "--auto-approve").code == 0
    assert saved.bought() == ["gateway", "second"]


def test_an_approval_of_another_plan_does_not_open_a_file(saved: CliRunner) -> None:
    saved.write_specs("servers: {third: {}}\n")
    other = approval_in(saved)
    saved.write_specs(TWO)
    said = saved.assert_fails("apply", "two.plan", "--approved", other, code="plan-differs", exit_code=4).stderr_text
    assert "--approved is the approval of another plan than two.plan" in said


@pytest.mark.parametrize(
    "approval", ["", "yes", "20260101T000000Z", "20261399T000000Z.20261399T000000Z.-.0." + "0" * 44]
)
def test_what_is_no_approval_is_said_to_be_none(cli: CliRunner, approval: str) -> None:
    cli.assert_fails("apply", "--approved", approval, code="approval-invalid")


def test_an_approval_that_was_cut_or_mistyped_is_said_to_be(cli: CliRunner) -> None:
    approval = approval_in(cli)
    cli.assert_fails("apply", "--approved", approval[:-3], code="approval-invalid")
    mistyped = approval[:-6] + ("0" if approval[-6] != "0" else "1") + approval[-5:]
    assert "mistyped" in cli.assert_fails("apply", "--approved", mistyped, code="approval-invalid").stderr_text


def test_a_variable_of_the_command_line_is_part_of_what_is_approved(cli: CliRunner) -> None:
    cli.write(
        "specs/stack.yaml",
        (cli.path / "specs/stack.yaml").read_text() + "variables: {nodes: {type: integer, default: 1}}\n",
    )
    cli.write_specs('servers: {trainer: {count: "{{ var.nodes }}"}}\n')
    assert cli.run("plan", "--var", "nodes=2", "--out", "two.plan").code == 0
    approval = str(read_plan(cli.path / "two.plan").approval)
    cli.assert_fails("apply", "--approved", approval, code="plan-differs", exit_code=4)
    assert cli.run("apply", "two.plan").code == 0
    assert cli.bought() == ["trainer-0", "trainer-1"]


def test_a_variable_from_the_environment_is_kept_in_the_file(cli: CliRunner, monkeypatch) -> None:
    cli.write("specs/stack.yaml", (cli.path / "specs/stack.yaml").read_text() + "variables: {nodes: {type: integer}}\n")
    cli.write_specs('servers: {trainer: {count: "{{ var.nodes }}"}}\n')
    monkeypatch.setenv("PROVISIONER_VAR_nodes", "2")
    assert cli.run("plan", "--out", "two.plan").code == 0
    monkeypatch.delenv("PROVISIONER_VAR_nodes")
    assert json.loads((cli.path / "two.plan").read_text())["variables"] == {"nodes": 2}
    assert cli.run("apply", "two.plan").code == 0
    assert cli.bought() == ["trainer-0", "trainer-1"]


def test_a_variable_that_may_be_a_secret_is_not_kept(cli: CliRunner, monkeypatch) -> None:
    stack = (cli.path / "specs/stack.yaml").read_text()
    cli.write("specs/stack.yaml", stack + "variables: {join_token: {type: string}}\n")
    cli.write_specs('servers: {gateway: {labels: {joined: "with {{ var.join_token | length }}"}}}\n')
    monkeypatch.setenv("PROVISIONER_VAR_join_token", "correct-horse-battery")
    assert cli.run("plan", "--out", "one.plan").code == 0
    assert "correct-horse" not in (cli.path / "one.plan").read_text()
    assert cli.run("apply", "one.plan").code == 0
    assert cli.bought() == ["gateway"]


def test_an_option_that_releases_is_part_of_what_is_approved(applied: CliRunner) -> None:
    approval = approval_in(applied, "--replace", "gateway")
    applied.assert_fails("apply", "--approved", approval, code="plan-differs", exit_code=4)
    assert applied.run("apply", "--replace", "gateway", "--approved", approval).code == 0
    assert applied.bought() == ["gateway", "gateway"]


def test_an_approval_is_used_up_by_the_run_that_carries_it_out(saved: CliRunner) -> None:
    approval = str(read_plan(saved.path / "two.plan").approval)
    assert saved.run("apply", "two.plan").code == 0
    assert "carried out before" in saved.assert_fails("apply", "two.plan", code="plan-used").stderr_text
    saved.assert_fails("apply", "--approved", approval, code="plan-used")
    saved.run("destroy", "--auto-approve")
    saved.assert_fails("apply", "--approved", approval, code="plan-differs", exit_code=4)
    assert saved.bought() == ["gateway", "second"]


def test_an_approval_that_ends_is_refused(cli: CliRunner, clock) -> None:
    month_old = approval_in(cli, "--expires", "1h")
    clock.advance(2 * 3600)
    said = cli.assert_fails("apply", "--approved", month_old, code="plan-expired", exit_code=4).stderr_text
    assert "was approved until" in said
    fresh = approval_in(cli, "--expires", "30d")
    clock.advance(29 * DAY)
    assert cli.run("apply", "--approved", fresh).code == 0


def test_an_approval_that_never_seems_to_end_is_not_given(cli: CliRunner) -> None:
    ran = cli.run("plan", "--expires", "400d")
    assert ran.code == 1
    assert "30d" in ran.stderr_text


def test_a_plan_for_a_state_that_was_put_back_is_refused(applied: CliRunner) -> None:
    older = {file: file.read_bytes() for file in applied.state.glob("demo*") if file.is_file()}
    applied.write_specs(TWO)
    applied.apply()
    applied.write_specs("servers: {gateway: {}, second: {}, third: {}}\n")
    approval = approval_in(applied)
    for file in applied.state.glob("demo*"):
        file.unlink()
    for file, content in older.items():
        file.write_bytes(content)
    (applied.path / "home" / ".local").rename(applied.path / "forgotten")  # another machine has not seen the newer one
    said = applied.assert_fails("apply", "--approved", approval, code="plan-stale", exit_code=4).stderr_text
    assert "put back from an older copy" in said


def test_what_another_run_did_since_is_named(applied: CliRunner) -> None:
    approval = approval_in(applied, "--replace", "gateway")
    applied.run("apply", "--auto-approve", "--replace", "gateway", "--reason", "faulty")
    said = applied.assert_fails(
        "apply", "--replace", "gateway", "--approved", approval, code="plan-overtaken", exit_code=4
    ).stderr_text
    assert "gateway: it was worked on by apply" in said


def test_what_another_run_did_elsewhere_does_no_harm(applied: CliRunner) -> None:
    applied.write_specs(TWO)
    approval = approval_in(applied)
    applied.run("apply", "--auto-approve", "--refresh-only")
    assert applied.run("apply", "--approved", approval).code == 0
    assert applied.bought() == ["gateway", "second"]


def test_a_file_of_an_older_version_can_be_shown_and_not_applied(cli: CliRunner) -> None:
    sample = Path(__file__).parents[1] / "saved_plans" / "samples" / "facts-of-every-change.plan"
    (cli.path / "old.plan").write_bytes(sample.read_bytes())
    assert cli.run("show", "old.plan").code == 0
    said = cli.assert_fails("apply", "old.plan", code="plan-format").stderr_text
    assert "older version" in said
    assert "Plan again with the same options" in said


def test_guards_are_asked_again(saved: CliRunner) -> None:
    """What is approved is still refused where it is too much by now."""
    stack = (saved.path / "specs/stack.yaml").read_text()
    saved.write("specs/stack.yaml", stack + "guards: {max_servers: 1}\n")
    saved.assert_fails("apply", "two.plan", code="max-servers", exit_code=4)
