"""init: specs that work as they are, and nothing overwritten."""

import pytest

from provisioner.cli.commands import cli as commands
from provisioner.workflow.init import TEMPLATES


@pytest.fixture
def newcomer(cli):
    """A folder with nothing in it."""
    for file in (cli.path / "specs").iterdir():
        file.unlink()
    (cli.path / "specs").rmdir()
    cli.state.rmdir()
    return cli


def test_what_init_writes_can_be_validated_planned_applied_and_destroyed(newcomer) -> None:
    ran = newcomer.run("init")
    assert ran.code == 0
    assert "wrote specs/stack.yaml" in ran.out
    assert "Next: provisioner plan" in ran.err
    assert "1 server." in newcomer.run("validate").out
    assert "1 to add" in newcomer.run("plan").out
    newcomer.apply()
    assert "No changes" in newcomer.run("plan").out
    assert newcomer.run("destroy", "--auto-approve").code == 0
    assert [kind for kind, _ in newcomer.ledger()] == ["purchase", "release"]


def test_the_state_folder_is_private_and_ignored_by_git(newcomer) -> None:
    newcomer.run("init")
    assert newcomer.state.stat().st_mode & 0o777 == 0o700
    assert (newcomer.state / ".gitignore").read_text().startswith("*\n")


def test_a_stack_that_exists_is_left_as_it_is(cli) -> None:
    before = (cli.path / "specs/stack.yaml").read_bytes()
    said = cli.assert_fails("init", code="stack-exists").stderr_text
    assert "there is a stack in specs already; nothing was changed" in said
    assert "provisioner plan" in said
    assert (cli.path / "specs/stack.yaml").read_bytes() == before
    assert not (cli.state / ".gitignore").exists()


def test_a_file_that_stands_where_servers_would_be_written_stays(newcomer) -> None:
    newcomer.write_specs("servers: {mine: {}}\n")
    ran = newcomer.run("init")
    assert ran.code == 0
    assert "servers.yaml" not in ran.out
    assert "mine" in (newcomer.path / "specs/servers.yaml").read_text()


def test_another_directory_and_how_to_go_on_there(newcomer) -> None:
    ran = newcomer.run("init", "--specs", "teams/vision")
    assert ran.code == 0
    assert "provisioner plan --specs teams/vision" in ran.err
    assert newcomer.run("plan", "--specs", "teams/vision").code == 0


def test_a_folder_that_cannot_be_made(newcomer) -> None:
    newcomer.write("file", "in the way")
    said = newcomer.assert_fails("init", "--specs", "file/specs", code="init-failed").stderr_text
    assert "cannot write" in said
    assert "--specs DIR" in said


@pytest.mark.parametrize(("template", "added"), [("small", 1), ("cluster", 5), ("prepaid", 2), ("team", 1)], ids=str)
def test_every_template_is_a_stack_that_plans_and_applies(newcomer, template: str, added: int) -> None:
    assert newcomer.run("init", "--template", template).code == 0
    planned = newcomer.run("plan")
    assert planned.code == 0
    assert f"Plan: {added} to add, 0 to change, 0 to destroy." in planned.out
    assert f"Servers: {added} added" in newcomer.apply().out
    again = newcomer.run("plan", "--detailed-exitcode")
    assert (again.code, "No changes." in again.out) == (0, True)


def test_the_help_of_init_says_what_each_template_is_for(cli) -> None:
    shown = cli.run("init", "--help").out
    for template, purpose in TEMPLATES.items():
        assert f"  {template:<9}  {purpose}\n" in shown
    (option,) = (one for one in commands.get_command(None, "init").params if one.name == "template")
    assert option.type.choices == (*TEMPLATES,)


def test_the_cluster_grows_and_shrinks(newcomer) -> None:
    newcomer.run("init", "--template", "cluster")
    for workers in (1, 2, 9):
        assert f"Plan: {workers + 1} to add" in newcomer.run("plan", "--var", f"workers={workers}").out


def test_what_is_paid_by_the_month_is_protected_and_ends_by_itself(newcomer) -> None:
    newcomer.run("init", "--template", "prepaid")
    newcomer.apply()
    refused = newcomer.run("destroy", "--auto-approve")
    assert refused.code == 4
    assert "Error[protected]" in refused.text
    assert newcomer.run("expiring", "--within", "60d", "--detailed-exitcode").code == 2
    assert "Error[max-servers]" in refuse_more(newcomer)


def refuse_more(newcomer) -> str:
    specs = newcomer.path / "specs/servers.yaml"
    specs.write_text(specs.read_text().replace("count: 2", "count: 5"))
    ran = newcomer.run("plan")
    assert ran.code == 4
    return ran.text


def test_a_team_has_two_environments_with_pins(newcomer) -> None:
    newcomer.run("init", "--template", "team")
    planned = newcomer.run("plan", "-e", "prod")
    assert "Plan: 3 to add" in planned.out
    assert "account-unpinned" not in planned.text
    assert "To be done in environment prod, account sandbox-account." in planned.out
    assert "provisioner plan -e prod --out prod.plan" in (newcomer.path / "specs/README.md").read_text()
    assert (newcomer.path / ".gitignore").read_text().endswith("state/\n*.plan\n")
    newcomer.write_stack((newcomer.path / "specs/stack.yaml").read_text().replace("sandbox-account", "another"))
    newcomer.assert_fails("plan", "-e", "prod", code="pin-mismatch")


def test_a_gitignore_that_is_there_stays_and_none_is_written_above_the_current_folder(newcomer, monkeypatch) -> None:
    newcomer.write(".gitignore", "mine\n")
    assert ".gitignore" not in newcomer.run("init", "--template", "team").out.replace("state/.gitignore", "")
    assert (newcomer.path / ".gitignore").read_text() == "mine\n"
    (newcomer.path / "below").mkdir()
    monkeypatch.chdir(newcomer.path / "below")
    assert newcomer.run("init", "--template", "team", "--specs", "../other").code == 0
    (newcomer.path / "alone/here").mkdir(parents=True)
    monkeypatch.chdir(newcomer.path / "alone/here")
    assert newcomer.run("init", "--template", "team", "--specs", ".").code == 0
    assert (newcomer.path / "alone/here/.gitignore").exists()
    assert not (newcomer.path / "alone/.gitignore").exists()


@pytest.mark.parametrize(
    ("folder", "name"),
    [("no", '"no"'), ("NULL", '"null"'), ("1e5", '"1e5"'), ("-On-", '"on"'), ("2024-01-01", '"2024-01-01"'), ("vision", "vision"),
     ("测试", "demo"), ("a" * 80, "a" * 40)],
    ids=lambda value: value[:12].strip('"'),
)  # fmt: skip
def test_the_name_of_a_folder_becomes_a_name_that_yaml_reads_as_text(newcomer, monkeypatch, folder, name) -> None:
    (newcomer.path / folder).mkdir()
    monkeypatch.chdir(newcomer.path / folder)
    newcomer.run("init")
    assert f"\nstack: {name}\n" in (newcomer.path / folder / "specs/stack.yaml").read_text()
    assert newcomer.run("validate").code == 0


def test_the_other_templates_are_named_on_a_terminal_to_who_chose_none(newcomer, monkeypatch) -> None:
    named = "Other stacks to begin with: --template cluster, prepaid or team"
    assert named not in newcomer.run("init").err
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert named in newcomer.run("init", "--specs", "second").err
    assert named not in newcomer.run("init", "--specs", "third", "--template", "small").err


def test_a_template_that_there_is_not(newcomer) -> None:
    ran = newcomer.run("init", "--template", "huge")
    assert ran.code == 1
    assert "'huge' is not one of 'small', 'cluster', 'prepaid', 'team'" in ran.stderr_text
    assert not (newcomer.path / "specs").exists()


@pytest.mark.parametrize("command", [("plan",), ("apply", "--auto-approve")])
def test_a_state_folder_that_no_init_has_made_is_ignored_by_git_too(cli, command) -> None:
    cli.state.rmdir()
    assert cli.run(*command).code == 0
    assert (cli.state / ".gitignore").read_text() == "*\n!.gitignore\n"
