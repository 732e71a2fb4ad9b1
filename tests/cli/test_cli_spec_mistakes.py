"""Mistakes in the specs: each is told with its place and a next step, by plan and by apply, and costs nothing."""

import os
import shutil

import pytest
from support.desk import PASSWORD, STACK


def test_there_is_no_specs_directory(desk) -> None:
    shutil.rmtree("specs")
    said = desk.refuses("stack-missing").said
    assert "there is no directory specs" in said
    assert "provisioner init" in said
    assert "--specs" in said


def test_the_specs_directory_that_is_named_does_not_exist(desk) -> None:
    assert "there is no directory elsewhere" in desk.fails("plan", "--specs", "elsewhere", code="stack-missing").said


def test_there_is_no_stack_file(desk) -> None:
    (desk.path / "specs/stack.yaml").unlink()
    assert "specs/stack.yaml does not exist" in desk.refuses("stack-missing").said


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_spec_may_not_be_read(desk) -> None:
    (desk.path / "specs/servers.yaml").chmod(0)
    assert "specs/servers.yaml cannot be read: Permission denied" in desk.refuses("unreadable-file").said


def test_a_spec_is_a_link_that_leads_nowhere(desk) -> None:
    (desk.path / "specs/more.yaml").symlink_to("gone.yaml")
    assert "specs/more.yaml does not exist or leads nowhere" in desk.refuses("unreadable-file").said


def test_a_spec_is_a_pipe_that_nobody_writes_to(desk) -> None:
    os.mkfifo(desk.path / "specs/more.yaml")
    assert "specs/more.yaml is not a regular file" in desk.refuses("not-a-regular-file").said


def test_yaml_that_cannot_be_read(desk) -> None:
    desk.specs("servers:\n  gateway: [\n")
    said = desk.refuses("yaml-syntax").said
    assert "--> specs/servers.yaml:3:1" in said
    assert "check the indentation" in said


def test_an_unknown_key_is_shown_with_the_nearest_one(desk) -> None:
    desk.specs("servers:\n  gateway:\n    flavour: Si2.large.4\n")
    ran = desk.refuses("unknown-field")
    assert "--> specs/servers.yaml:3:5" in ran.said
    assert " 3 |     flavour: Si2.large.4\n   |     ^^^^^^^\n" in ran.err
    assert "did you mean flavor?" in ran.said
    assert "address: gateway" in ran.said


def test_a_value_of_the_wrong_type(desk) -> None:
    desk.specs("servers:\n  gateway:\n    root_volume: {type: SSD, size: big}\n")
    said = desk.refuses("wrong-type").said
    assert "root_volume.size must be a whole number and is a text" in said
    assert "--> specs/servers.yaml:3:36" in said


def test_mistakes_in_two_files_are_told_in_one_run_and_in_order(desk) -> None:
    desk.write("specs/b.yaml", "servers:\n  beta:\n    count: many\n")
    desk.write("specs/a.yaml", "servers:\n  alpha:\n    flavour: x\n    imageid: z\n")
    said = desk.refuses("unknown-field").said
    places = ["specs/a.yaml:3:5", "specs/a.yaml:4:5", "specs/b.yaml:3:12"]
    assert sorted(places, key=said.index) == places


def test_a_template_names_a_variable_that_nobody_declared(desk) -> None:
    desk.stack(STACK + "variables: {team: {type: string, default: vision}}\n")
    desk.specs('servers:\n  gateway:\n    name: "{{ var.teem }}"\n')
    said = desk.refuses("undefined-variable").said
    assert "var.teem is not declared" in said
    assert "--> specs/servers.yaml:3:11" in said
    assert "team" in said.partition("help:")[2]


def test_a_template_that_cannot_be_read(desk) -> None:
    desk.specs('servers:\n  gateway:\n    name: "{{ 1 + }}"\n')
    assert "--> specs/servers.yaml:3:11" in desk.refuses("template-syntax").said


def test_a_template_that_fails_when_it_is_worked_out(desk) -> None:
    desk.specs('servers:\n  gateway:\n    name: "{{ 1 / 0 }}"\n')
    assert "--> specs/servers.yaml:3:11" in desk.refuses("template-error").said


@pytest.mark.parametrize(
    "bomb", ["{{ 'a' * 10**10 }}", "{{ range(10**10) | list }}", "{{ 9 ** 9 ** 9 }}", "{{ 'a'.ljust(10**10) }}"]
)
def test_a_template_bomb_is_refused_before_it_goes_off(desk, bomb: str) -> None:
    desk.specs(f'servers:\n  gateway:\n    name: "{bomb}"\n')
    ran = desk.run("plan")
    assert ran.code == 1
    assert "Error[template-" in ran.err
    assert "--> specs/servers.yaml:3:11" in ran.said
    assert "help:" in ran.said
    assert "Traceback" not in ran.text
    assert desk.ledger() == []


def test_a_password_in_clear_is_a_warning_and_is_never_shown(desk) -> None:
    desk.specs(f"servers:\n  gateway: {{key_pair_name: null, admin_pass: '{PASSWORD}'}}\n")
    for arguments in (["validate"], ["plan"], ["plan", "--json"], ["validate", "--json"], ["apply", "--auto-approve"]):
        ran = desk.run(*arguments)
        assert ran.code == 0, ran.text
        assert "secret-in-clear" in ran.text
        assert PASSWORD not in ran.text
    assert desk.bought() == ["gateway"]
    assert all(PASSWORD.encode() not in content for content in desk.kept().values())
    assert PASSWORD not in desk.run("show").text + desk.run("state", "show", "gateway").text


def test_the_warning_for_a_password_in_clear_says_what_to_write_instead(desk) -> None:
    desk.specs(f"servers:\n  gateway: {{key_pair_name: null, admin_pass: '{PASSWORD}'}}\n")
    said = desk.run("plan").said
    assert "Warning[secret-in-clear]" in said
    assert "--> specs/servers.yaml:2:46" in said
    assert 'admin_pass: {secret: "env:NAME"}' in said


def test_supernodes_are_refused_with_the_reason(desk) -> None:
    desk.specs("servers:\n  gateway: {server_type: HPS}\n")
    said = desk.refuses("hps-unsupported").said
    assert "--> specs/servers.yaml:2:26" in said
    assert "lost reply could not be recognised" in said
    assert "BMS or ECS" in said


def test_a_password_and_a_key_pair_exclude_each_other(desk) -> None:
    desk.specs('servers:\n  gateway: {key_pair_name: ops, admin_pass: {secret: "env:PW"}}\n')
    assert "admin_pass and key_pair_name exclude each other" in desk.refuses("exactly-one").said


def test_neither_a_password_nor_a_key_pair(desk) -> None:
    desk.specs("servers:\n  gateway: {key_pair_name: null}\n")
    said = desk.refuses("exactly-one").said
    assert "admin_pass" in said
    assert "key_pair_name" in said


def test_a_password_that_cannot_be_had_stops_apply_before_anybody_is_asked(desk) -> None:
    desk.specs('servers:\n  gateway: {key_pair_name: null, admin_pass: {secret: "env:PW"}}\n')
    assert desk.run("plan").code == 0, "a pipeline that only plans need not hold the passwords"
    for arguments in (["apply", "--auto-approve"], ["apply"]):
        said = desk.fails(*arguments, code="secret-unavailable").said
        assert "the environment variable PW is not set" in said
        assert "set PW" in said


def test_a_password_that_breaks_the_rule_is_not_sent_and_not_shown(desk, monkeypatch) -> None:
    monkeypatch.setenv("PW", "weak-one")
    desk.specs('servers:\n  gateway: {key_pair_name: null, admin_pass: {secret: "env:PW"}}\n')
    ran = desk.refuses("password-rule")
    assert "gateway: the value of env:PW breaks the rule" in ran.said
    assert "--> specs/servers.yaml:2:3" in ran.said
    assert "weak-one" not in ran.text


def test_an_environment_has_to_be_chosen(desk) -> None:
    desk.write("specs/environments/dev.yaml", "{}\n")
    desk.write("specs/environments/prod.yaml", "{}\n")
    said = desk.refuses("environment-required").said
    assert "-e NAME" in said
    assert "there are: dev, prod" in said


def test_an_unknown_environment_is_shown_with_the_nearest_one(desk) -> None:
    desk.write("specs/environments/prod.yaml", "{}\n")
    said = desk.fails("plan", "-e", "prd", code="unknown-environment").said
    assert "there is no environment prd" in said
    assert "did you mean prod?" in said


def test_an_environment_of_a_stack_that_has_none(desk) -> None:
    said = desk.fails("plan", "-e", "prod", code="unknown-environment").said
    assert "make environments/prod.yaml" in said
