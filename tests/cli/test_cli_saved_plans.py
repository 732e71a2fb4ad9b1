"""plan --out and apply FILE: exactly what was shown, or a refusal that says why."""

import json
import stat

import pytest
from support.stack_text import PASSWORD

TWO = "servers: {gateway: {}, second: {}}\n"


@pytest.fixture
def saved(cli):
    """A plan to buy two servers, in the file `two.plan`."""
    cli.write_specs(TWO)
    assert cli.run("plan", "--out", "two.plan").code == 0
    return cli


def test_a_saved_plan_is_carried_out_without_a_question(saved) -> None:
    ran = saved.run("apply", "two.plan")
    assert ran.code == 0, ran.text
    assert "Apply complete! Servers: 2 added" in ran.out
    assert saved.bought() == ["gateway", "second"]


def test_what_was_approved_is_not_shown_a_second_time(saved) -> None:
    planned = saved.run("show", "two.plan").out
    assert "flavor" in planned
    ran = saved.run("apply", "two.plan")
    assert "Provisioner will perform the actions that were approved. With --full they are shown again." in ran.out
    assert planned.splitlines()[-1] in ran.out
    assert "flavor" not in ran.out


def test_what_was_approved_is_shown_again_on_request_and_where_something_else_would_be_done(saved) -> None:
    saved.run("plan", "--out", "again.plan")
    saved.write_specs("servers: {gateway: {}, second: {}, third: {}}\n")
    ran = saved.run("apply", "two.plan")
    assert ran.code == 4
    assert "# third will be created" in ran.out
    saved.write_specs(TWO)
    assert "# second will be created" in saved.run("apply", "again.plan", "--full").out


def test_saving_says_how_to_go_on(cli) -> None:
    said = cli.run("plan", "--out", "one.plan").stderr_text
    assert "Saved the plan to: one.plan" in said
    assert "provisioner apply one.plan" in said


def test_a_saved_plan_is_shown_as_it_was_made(saved) -> None:
    shown = saved.run("show", "two.plan")
    assert shown.code == 0
    assert shown.out == saved.run("plan", "--full").out
    shown, made = saved.run("show", "--json", "two.plan").document, saved.run("plan", "--json").document
    assert shown.pop("approval")[:8] == made.pop("approval")[:8]  # of the same day: its times are those of its making
    assert shown == made


def test_a_saved_plan_is_private_and_says_the_same_every_time(saved) -> None:
    file = saved.path / "two.plan"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    first, again = (json.loads(file.read_text()) for _ in range(2) if saved.run("plan", "--out", "two.plan").code == 0)
    assert first["plan"] == again["plan"]


def test_a_saved_plan_holds_no_secret(cli, monkeypatch) -> None:
    monkeypatch.setenv("PW", PASSWORD)
    cli.write_specs('servers:\n  gateway: {key_pair_name: null, admin_pass: {secret: "env:PW"}}\n')
    assert cli.run("plan", "--out", "one.plan").code == 0
    assert PASSWORD not in (cli.path / "one.plan").read_text()
    assert PASSWORD not in cli.run("show", "--json", "one.plan").text + cli.run("apply", "one.plan").text
    assert cli.bought() == ["gateway"]


def test_a_plan_with_a_password_in_clear_is_not_saved(cli) -> None:
    cli.write_specs(f"servers:\n  gateway: {{key_pair_name: null, admin_pass: '{PASSWORD}'}}\n")
    ran = cli.assert_fails("plan", "--out", "one.plan", code="plan-holds-secret")
    assert "gateway gives the value of admin_pass in clear" in ran.stderr_text
    assert '{secret: "env:NAME"}' in ran.stderr_text
    assert not (cli.path / "one.plan").exists()
    assert PASSWORD not in ran.text


def test_a_refused_plan_is_not_saved(applied) -> None:
    applied.write_specs("servers: {gateway: {lifecycle: {prevent_destroy: true}}}\n")
    assert applied.run("plan", "--destroy", "--out", "refused.plan").code == 4
    assert not (applied.path / "refused.plan").exists()


def test_a_plan_to_destroy_can_be_saved(applied) -> None:
    assert applied.run("plan", "--destroy", "--out", "end.plan").code == 0
    ran = applied.run("apply", "end.plan")
    assert "Destroy complete! Servers: 1 destroyed" in ran.out
    assert ("release", "gateway") in applied.ledger()


def test_a_saved_plan_with_nothing_to_do_does_nothing(applied) -> None:
    assert applied.run("plan", "--out", "nothing.plan").code == 0
    ran = applied.run("apply", "nothing.plan")
    assert ran.code == 0
    assert "No changes" in ran.out


def test_a_plan_that_is_not_there(cli) -> None:
    for command in ("apply", "show"):
        said = cli.assert_fails(command, "gone.plan", code="plan-unreadable").stderr_text
        assert "there is no plan gone.plan" in said
        assert "provisioner plan --out gone.plan" in said


@pytest.mark.parametrize("share", [0.02, 0.2, 0.4, 0.6, 0.8, 0.98])
def test_any_byte_of_a_plan_that_was_changed_is_noticed(saved, share: float) -> None:
    file = saved.path / "two.plan"
    content = file.read_bytes()
    at = int(len(content) * share)
    file.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
    for command in ("apply", "show"):
        assert "Plan again, to another file" in saved.assert_fails(command, "two.plan", code="plan-damaged").stderr_text


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"null", b"\xff\xfe", b'{"plan": {}}'])
def test_a_file_that_is_no_plan(saved, content: bytes) -> None:
    (saved.path / "two.plan").write_bytes(content)
    ran = saved.run("apply", "two.plan")
    assert ran.code == 1
    assert "Error[plan-" in ran.err
    assert "help:" in ran.stderr_text
    assert saved.ledger() == []


def test_a_plan_is_carried_out_once(saved) -> None:
    saved.run("apply", "two.plan")
    assert "carried out before" in saved.assert_fails("apply", "two.plan", code="plan-used").stderr_text
    assert saved.bought() == ["gateway", "second"]


def test_an_equal_plan_that_was_carried_out_without_it_has_overtaken_it(saved) -> None:
    saved.apply()
    said = saved.assert_fails("apply", "two.plan", code="plan-overtaken", exit_code=4).stderr_text
    assert "it was worked on by apply" in said
    assert "after the plan two.plan was approved" in said


def test_a_plan_is_refused_when_somebody_was_faster(saved) -> None:
    saved.write_specs("servers: {gateway: {}}\n")
    saved.apply()
    said = saved.assert_fails("apply", "two.plan", code="plan-differs", exit_code=4).stderr_text
    assert "gateway: to create it was approved, and the plan would do nothing to it now" in said
    assert "Nothing was sent." in said
    assert saved.bought() == ["gateway"]


def test_a_plan_is_bought_as_it_was_approved_or_not_at_all(saved) -> None:
    """Whoever approved of it was told how a lost purchase would be told from a stranger's."""
    stack = saved.path / "specs" / "stack.yaml"
    stack.write_text(stack.read_text() + "purchase: {marker: nonce}\n")
    said = saved.assert_fails("apply", "two.plan", code="plan-stale", exit_code=4).stderr_text
    assert "purchase: in stack.yaml has changed since the plan was approved (marker)" in said
    assert saved.ledger() == []


def test_a_plan_of_another_environment(cli) -> None:
    cli.write("specs/environments/dev.yaml", "{}\n")
    cli.write("specs/environments/prod.yaml", "{}\n")
    assert cli.run("plan", "-e", "dev", "--out", "dev.plan").code == 0
    said = cli.assert_fails("apply", "-e", "prod", "dev.plan", code="plan-foreign", exit_code=4).stderr_text
    assert "is for stack 'demo', environment 'dev'" in said
    assert "check -e" in said


@pytest.mark.parametrize("extra", [["--destroy"], ["--replace", "gateway"]])
def test_a_saved_plan_says_what_to_do_and_no_option_adds_to_it(saved, extra: list[str]) -> None:
    ran = saved.run("apply", "two.plan", *extra)
    assert ran.code == 1
    assert "a saved plan says what to do" in ran.stderr_text
    assert "`plan --out`" in ran.stderr_text
    assert saved.ledger() == []


@pytest.mark.parametrize("place", ["no/such/folder/p", "folder"])
def test_a_plan_cannot_be_written_there(cli, place: str) -> None:
    (cli.path / "folder").mkdir()
    ran = cli.run("plan", "--out", place)
    assert ran.code == 1
    assert place in ran.stderr_text
    assert "Traceback" not in ran.err
