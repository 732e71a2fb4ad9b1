"""Userdata in plans and records: what a wipe changes is shown line by line, and no secret of it is recorded or shown."""

import json

import pytest
from support.stack_text import PASSWORD

OLD = "#!/bin/sh\\nset -eu\\nexport ROLE=trainer\\n"
NEW = OLD.replace("trainer", "worker")
DIFFERENCE = ["#!/bin/sh", "set -eu", "- export ROLE=trainer", "+ export ROLE=worker"]


def specs(userdata: str) -> str:
    return f'servers: {{gateway: {{userdata: "{userdata}"}}}}\n'


@pytest.fixture
def installed(cli):
    cli.write_specs(specs(OLD))
    cli.apply()
    cli.write_specs(specs(NEW))
    return cli


def lines_below_userdata(text: str) -> list[str]:
    lines = [line.strip() for line in text.splitlines()]
    first = next(index for index, line in enumerate(lines) if "userdata" in line and "sha256" in line)
    return lines[first + 1 : first + 5]


def test_a_plan_that_wipes_shows_the_lines_that_change(installed):
    planned = installed.run("plan")
    assert "will be reinstalled, its system disk is wiped" in planned.out
    assert lines_below_userdata(planned.out) == DIFFERENCE


def test_a_saved_plan_shows_the_same(installed):
    installed.run("plan", "--out", "wipe.plan")
    assert lines_below_userdata(installed.run("show", "wipe.plan").out) == DIFFERENCE


def test_json_has_both_texts(installed):
    [change] = json.loads(installed.run("plan", "--json").out)["resource_changes"]
    [field] = change["fields"]
    assert (field["text_before"], field["text_after"]) == (OLD.replace("\\n", "\n"), NEW.replace("\\n", "\n"))


def test_the_record_shows_the_text_that_was_sent_last(installed):
    assert lines_below_userdata(installed.run("state", "show", "gateway").out)[2] == "export ROLE=trainer"
    installed.apply()
    assert lines_below_userdata(installed.run("state", "show", "gateway").out)[2] == "export ROLE=worker"
    [text] = json.loads(installed.run("state", "show", "gateway", "--json").out)["resource"]["contents"].values()
    assert text == NEW.replace("\\n", "\n")


def test_a_record_without_the_text_says_so(installed):
    """As of a server that an older version bought, or whose state was rebuilt from the cloud."""
    for file in installed.state.glob("demo.*"):
        file.unlink()
    installed.write_specs(specs(OLD))
    assert installed.run("state", "rebuild", "--auto-approve").code == 0
    installed.write_specs(specs(NEW))
    shown = lines_below_userdata(installed.run("plan").out)
    assert shown[0] == "(the text that is there is not on record, so the new text is shown whole)"
    assert shown[1] == "+ #!/bin/sh"


@pytest.mark.parametrize("form", ["echo {} > /root/key", "./join {} now", "curl -u x:{} http://127.0.0.1"])
def test_a_secret_of_the_specs_is_neither_recorded_nor_shown_as_part_of_it(cli, monkeypatch, form):
    """The password stands in the variable PASSWORD, and in one whose name says that it is a secret."""
    monkeypatch.setenv("PASSWORD", PASSWORD)
    cli.write_stack(cli.path.joinpath("specs/stack.yaml").read_text() + "variables: {join_token: {type: string}}\n")
    body = form.format("{{ var.join_token }}")
    for text in (f"{body}\\n", f"{body}\\nmore\\n"):
        server = f'{{key_pair_name: null, admin_pass: {{secret: "env:PASSWORD"}}, userdata: "{text}"}}'
        cli.write_specs(f"servers: {{gateway: {server}}}\n")
        for command in (("plan",), ("plan", "--json"), ("apply", "--auto-approve")):
            ran = cli.run(*command, "--var", "join_token=short-t0ken")
            assert ran.code == 0, ran.text
            assert "short-t0ken" not in ran.text
            assert PASSWORD not in ran.text
    for content in cli.state_files().values():
        assert b"short-t0ken" not in content
        assert PASSWORD.encode() not in content
    assert "(sensitive)" in cli.run("state", "show", "gateway").out


def test_values_under_secret_names_are_hidden_at_any_depth(cli):
    variables = "variables: {logins: {type: map, default: {password: [s3a, 71234]}}}\n"
    cli.write_stack(cli.path.joinpath("specs/stack.yaml").read_text() + variables)
    (cli.path / "specs/setup.sh").write_text("join {{ db_pw }} {{ var.logins.password | join(' ') }}\n")
    userdata = "{template: setup.sh, vars: {db_pw: s3b}}"
    each = '{for_each: {a: {password: s3c}}, userdata: "join {{ each.value.password }}"}'
    cli.write_specs(f"servers: {{gateway: {{userdata: {userdata}}}, group: {each}}}\n")
    cli.apply()
    shown = cli.run("state", "show", "gateway").out + cli.run("state", "show", "group[a]").out
    assert "join (sensitive) (sensitive) (sensitive)" in shown
    for content in (*cli.state_files().values(), shown.encode()):
        assert not any(value in content for value in (b"s3a", b"71234", b"s3b", b"s3c"))
