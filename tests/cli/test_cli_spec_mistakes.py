"""Mistakes in the specs: each is told with its place and a next step, by plan and by apply, and costs nothing."""

import os
import shutil

import pytest
from support.cli_runner import STACK
from support.stack_text import PASSWORD


def test_there_is_no_specs_directory(cli) -> None:
    shutil.rmtree("specs")
    said = cli.assert_refused("stack-missing").stderr_text
    assert "there is no directory specs" in said
    assert "provisioner init" in said
    assert "--specs" in said


def test_the_specs_directory_that_is_named_does_not_exist(cli) -> None:
    assert (
        "there is no directory elsewhere"
        in cli.assert_fails("plan", "--specs", "elsewhere", code="stack-missing").stderr_text
    )


def test_there_is_no_stack_file(cli) -> None:
    (cli.path / "specs/stack.yaml").unlink()
    assert "specs/stack.yaml does not exist" in cli.assert_refused("stack-missing").stderr_text


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_spec_may_not_be_read(cli) -> None:
    (cli.path / "specs/servers.yaml").chmod(0)
    assert "specs/servers.yaml cannot be read: Permission denied" in cli.assert_refused("unreadable-file").stderr_text


def test_a_spec_is_a_link_that_leads_nowhere(cli) -> None:
    (cli.path / "specs/more.yaml").symlink_to("gone.yaml")
    assert "specs/more.yaml does not exist or leads nowhere" in cli.assert_refused("unreadable-file").stderr_text


def test_a_spec_is_a_pipe_that_nobody_writes_to(cli) -> None:
    os.mkfifo(cli.path / "specs/more.yaml")
    assert "specs/more.yaml is not a regular file" in cli.assert_refused("not-a-regular-file").stderr_text


def test_yaml_that_cannot_be_read(cli) -> None:
    cli.write_specs("servers:\n  gateway: [\n")
    said = cli.assert_refused("yaml-syntax").stderr_text
    assert "--> specs/servers.yaml:3:1" in said
    assert "check the indentation" in said


def test_an_unknown_key_is_shown_with_the_nearest_one(cli) -> None:
    cli.write_specs("servers:\n  gateway:\n    flavour: Si2.large.4\n")
    ran = cli.assert_refused("unknown-field")
    assert "--> specs/servers.yaml:3:5" in ran.stderr_text
    assert " 3 |     flavour: Si2.large.4\n   |     ^^^^^^^\n" in ran.err
    assert "did you mean flavor?" in ran.stderr_text
    assert "address: gateway" in ran.stderr_text


def test_a_value_of_the_wrong_type(cli) -> None:
    cli.write_specs("servers:\n  gateway:\n    root_volume: {type: SSD, size: big}\n")
    said = cli.assert_refused("wrong-type").stderr_text
    assert "root_volume.size must be a whole number and is a text" in said
    assert "--> specs/servers.yaml:3:36" in said


def test_mistakes_in_two_files_are_told_in_one_run_and_in_order(cli) -> None:
    cli.write("specs/b.yaml", "servers:\n  beta:\n    count: many\n")
    cli.write("specs/a.yaml", "servers:\n  alpha:\n    flavour: x\n    imageid: z\n")
    said = cli.assert_refused("unknown-field").stderr_text
    places = ["specs/a.yaml:3:5", "specs/a.yaml:4:5", "specs/b.yaml:3:12"]
    assert sorted(places, key=said.index) == places


def test_a_template_names_a_variable_that_nobody_declared(cli) -> None:
    cli.write_stack(STACK + "variables: {team: {type: string, default: vision}}\n")
    cli.write_specs('servers:\n  gateway:\n    name: "{{ var.teem }}"\n')
    said = cli.assert_refused("undefined-variable").stderr_text
    assert "var.teem is not declared" in said
    assert "--> specs/servers.yaml:3:11" in said
    assert "team" in said.partition("help:")[2]


def test_a_template_that_cannot_be_read(cli) -> None:
    cli.write_specs('servers:\n  gateway:\n    name: "{{ 1 + }}"\n')
    assert "--> specs/servers.yaml:3:11" in cli.assert_refused("template-syntax").stderr_text


def test_a_template_that_fails_when_it_is_worked_out(cli) -> None:
    cli.write_specs('servers:\n  gateway:\n    name: "{{ 1 / 0 }}"\n')
    assert "--> specs/servers.yaml:3:11" in cli.assert_refused("template-error").stderr_text


@pytest.mark.parametrize(
    "bomb", ["{{ 'a' * 10**10 }}", "{{ range(10**10) | list }}", "{{ 9 ** 9 ** 9 }}", "{{ 'a'.ljust(10**10) }}"]
)
def test_a_template_bomb_is_refused_before_it_goes_off(cli, bomb: str) -> None:
    cli.write_specs(f'servers:\n  gateway:\n    name: "{bomb}"\n')
    ran = cli.run("plan")
    assert ran.code == 1
    assert "Error[template-" in ran.err
    assert "--> specs/servers.yaml:3:11" in ran.stderr_text
    assert "help:" in ran.stderr_text
    assert "Traceback" not in ran.text
    assert cli.ledger() == []


def test_a_password_in_clear_is_a_warning_and_is_never_shown(cli) -> None:
    cli.write_specs(f"servers:\n  gateway: {{key_pair_name: null, admin_pass: '{PASSWORD}'}}\n")
    for arguments in (["validate"], ["plan"], ["plan", "--json"], ["validate", "--json"], ["apply", "--auto-approve"]):
        ran = cli.run(*arguments)
        assert ran.code == 0, ran.text
        assert "secret-in-clear" in ran.text
        assert PASSWORD not in ran.text
    assert cli.bought() == ["gateway"]
    assert all(PASSWORD.encode() not in content for content in cli.state_files().values())
    assert PASSWORD not in cli.run("show").text + cli.run("state", "show", "gateway").text


def test_the_warning_for_a_password_in_clear_says_what_to_write_instead(cli) -> None:
    cli.write_specs(f"servers:\n  gateway: {{key_pair_name: null, admin_pass: '{PASSWORD}'}}\n")
    said = cli.run("plan").stderr_text
    assert "Warning[secret-in-clear]" in said
    assert "--> specs/servers.yaml:2:46" in said
    assert 'admin_pass: {secret: "env:NAME"}' in said


def test_supernodes_are_refused_with_the_reason(cli) -> None:
    cli.write_specs("servers:\n  gateway: {server_type: HPS}\n")
    said = cli.assert_refused("hps-unsupported").stderr_text
    assert "--> specs/servers.yaml:2:26" in said
    assert "lost reply could not be recognised" in said
    assert "BMS or ECS" in said


def test_a_password_and_a_key_pair_exclude_each_other(cli) -> None:
    cli.write_specs('servers:\n  gateway: {key_pair_name: ops, admin_pass: {secret: "env:PW"}}\n')
    assert "admin_pass and key_pair_name exclude each other" in cli.assert_refused("exactly-one").stderr_text


def test_neither_a_password_nor_a_key_pair(cli) -> None:
    cli.write_specs("servers:\n  gateway: {key_pair_name: null}\n")
    said = cli.assert_refused("exactly-one").stderr_text
    assert "admin_pass" in said
    assert "key_pair_name" in said


def test_a_password_that_cannot_be_had_stops_apply_before_anybody_is_asked(cli) -> None:
    cli.write_specs('servers:\n  gateway: {key_pair_name: null, admin_pass: {secret: "env:PW"}}\n')
    assert cli.run("plan").code == 0, "a pipeline that only plans need not hold the passwords"
    for arguments in (["apply", "--auto-approve"], ["apply"]):
        said = cli.assert_fails(*arguments, code="secret-unavailable").stderr_text
        assert "the environment variable PW is not set" in said
        assert "set PW" in said


def test_a_password_that_breaks_the_rule_is_not_sent_and_not_shown(cli, monkeypatch) -> None:
    monkeypatch.setenv("PW", "weak-one")
    cli.write_specs('servers:\n  gateway: {key_pair_name: null, admin_pass: {secret: "env:PW"}}\n')
    ran = cli.assert_refused("password-rule")
    assert "gateway: the value of env:PW breaks the cloud's rule" in ran.stderr_text
    assert "--> specs/servers.yaml:2:3" in ran.stderr_text
    assert "weak-one" not in ran.text


def test_an_environment_has_to_be_chosen(cli) -> None:
    cli.write("specs/environments/dev.yaml", "{}\n")
    cli.write("specs/environments/prod.yaml", "{}\n")
    said = cli.assert_refused("environment-required").stderr_text
    assert "-e NAME" in said
    assert "there are: dev, prod" in said


def test_an_unknown_environment_is_shown_with_the_nearest_one(cli) -> None:
    cli.write("specs/environments/prod.yaml", "{}\n")
    said = cli.assert_fails("plan", "-e", "prd", code="unknown-environment").stderr_text
    assert "there is no environment prd" in said
    assert "did you mean prod?" in said


def test_an_environment_of_a_stack_that_has_none(cli) -> None:
    said = cli.assert_fails("plan", "-e", "prod", code="unknown-environment").stderr_text
    assert "make environments/prod.yaml" in said
