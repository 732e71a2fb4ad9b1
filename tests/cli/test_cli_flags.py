"""The words of the command line: Terraform's spelling, the settings by environment, colour, and help worth reading."""

import shutil

import pytest
from support.cli_runner import STACK
from support.commands import EVERY_COMMAND, options_of

from provisioner import __version__
from provisioner.cli.command_line import run
from provisioner.cli.commands import COMMANDS
from provisioner.cli.main import catalogue
from provisioner.cli.spelling import FLAGS, LONG_OPTIONS, SHORT_OPTIONS, with_two_dashes

ESCAPE = "\x1b["


def spellings() -> set[str]:
    return {
        spelling
        for context in EVERY_COMMAND.values()
        for option in options_of(context)
        for spelling in (*option.opts, *option.secondary_opts)
    }


def test_the_known_spellings_are_those_of_all_commands() -> None:
    assert {spelling[2:] for spelling in spellings() if spelling.startswith("--")} == LONG_OPTIONS
    assert {spelling[1:] for spelling in spellings() if not spelling.startswith("--")} == SHORT_OPTIONS


def test_the_known_flags_are_those_of_all_commands() -> None:
    options = [option for context in EVERY_COMMAND.values() for option in options_of(context)]
    flags, others = (
        {
            name[2:]
            for option in options
            if option.is_flag is is_flag
            for name in (*option.opts, *option.secondary_opts)
            if len(name) > 2
        }
        for is_flag in (True, False)
    )
    assert flags == FLAGS
    assert not flags & others


def test_the_list_of_commands_says_of_each_what_the_command_says_of_itself() -> None:
    for name, (_, line) in COMMANDS.items():
        own, _, _ = (EVERY_COMMAND[name].command.help or "").partition("\n")
        assert own == line


VERBS = {
    "Cancel", "Carry", "Check", "Declare", "Explain", "Find", "Forget", "Lift", "List", "Move", "Pay", "Print", "Rebuild", "Record", "Restore",
    "Release", "Rename", "Serve", "Settle", "Show", "Wait", "Write",
}  # fmt: skip
"""What a command does. A new command may add a verb that other tools use for it."""


@pytest.mark.parametrize("path", EVERY_COMMAND)
def test_every_help_text_consists_of_plain_sentences(path: str) -> None:
    context = EVERY_COMMAND[path]
    sentence, _, _ = (context.command.help or "").partition("\n")
    assert sentence.split()[0].rstrip(",") in VERBS
    for text in (sentence, *(option.help or "" for option in options_of(context))):
        assert text[:1].isupper(), text
        assert text.endswith("."), text


@pytest.mark.parametrize("path", EVERY_COMMAND)
@pytest.mark.parametrize("flag", ["--help", "-h", "-help"])
def test_every_command_has_help_that_explains_each_option(path: str, flag: str, capsys) -> None:
    assert run([*path.split(), flag], catalogue) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    assert f"Usage: {f'provisioner {path}'.strip()} " in shown.out
    assert EVERY_COMMAND[path].command.help
    assert all(option.help for option in options_of(EVERY_COMMAND[path]))


@pytest.mark.parametrize(
    ("terraform", "ours"),
    [
        (["apply", "-auto-approve"], ["apply", "--auto-approve"]),
        (["plan", "-out=p"], ["plan", "--out=p"]),
        (["plan", "-out", "p"], ["plan", "--out", "p"]),
        (["plan", "-var", "x=1"], ["plan", "--var", "x=1"]),
        (["plan", "-var=x=-1"], ["plan", "--var=x=-1"]),
        (["apply", "-input=false"], ["apply", "--no-input"]),
        (["apply", "-input=true"], ["apply", "--input"]),
        (["plan", "-detailed-exitcode"], ["plan", "--detailed-exitcode"]),
        (["-chdir=DIR", "plan"], ["--chdir=DIR", "plan"]),
        (["plan", "-e", "dev"], ["plan", "-e", "dev"]),
        (["plan", "-edev"], ["plan", "-edev"]),
        (["-C", "x", "plan"], ["-C", "x", "plan"]),
        (["-Cx", "plan"], ["-Cx", "plan"]),
        (["plan", "--port", "-1"], ["plan", "--port", "-1"]),
        (["output", "--", "-out"], ["output", "--", "-out"]),
    ],
)
def test_terraforms_single_dashes_mean_two(terraform: list[str], ours: list[str]) -> None:
    assert with_two_dashes(terraform) == ours


def test_a_pipeline_written_for_terraform_works(cli) -> None:
    assert cli.run("plan", "-input=false", "-out=p", "-detailed-exitcode", "-no-color").code == 2
    assert cli.run("apply", "-input=false", "p").code == 0
    assert cli.run("plan", "-detailed-exitcode").code == 0
    assert cli.run("destroy", "-auto-approve").code == 0
    assert cli.ledger() == [("purchase", "gateway"), ("release", "gateway")]


@pytest.mark.parametrize("flag", ["-C", "--chdir", "-chdir"])
def test_work_is_done_in_another_directory(cli, monkeypatch, flag: str) -> None:
    monkeypatch.chdir("/")
    assert "1 server." in cli.run(flag, str(cli.path), "validate").out


def test_a_person_who_asks_for_the_version_gets_it(cli) -> None:
    for arguments in (["--version"], ["version"]):
        assert f"provisioner {__version__}" in cli.run(*arguments).out


@pytest.mark.parametrize(
    ("name", "value", "flags"),
    [
        ("PROVISIONER_SPECS", "elsewhere", ["--specs", "elsewhere"]),
        ("PROVISIONER_ENVIRONMENT", "prod", ["-e", "prod"]),
        ("PROVISIONER_STATE", "kept", ["--state", "kept"]),
        ("PROVISIONER_VAR_team", "audio", ["--var", "team=audio"]),
    ],
)
def test_a_setting_may_come_from_the_environment_or_from_an_option(cli, monkeypatch, name, value, flags) -> None:
    cli.write_stack(f"{STACK}environment: dev\nvariables: {{team: {{type: string, default: vision}}}}\n")
    cli.write_specs('servers: {gateway: {name: "{{ var.team }}-{{ env }}"}}\n')
    for environment in ("dev", "prod"):
        cli.write(f"specs/environments/{environment}.yaml", "{}\n")
    shutil.copytree("specs", "elsewhere")
    cli.write("elsewhere/servers.yaml", "servers: {other: {}}\n")

    def seen(*options: str) -> str:
        plan = cli.run("plan", "--json", *options).document
        del plan["approval"]  # it has the second in which it was made
        return f"{plan}{cli.run('show', *options).out}"

    plain, by_option = seen(), seen(*flags)
    monkeypatch.setenv(name, value)
    assert seen() == by_option != plain


def test_an_option_wins_over_the_environment(cli, monkeypatch) -> None:
    monkeypatch.setenv("PROVISIONER_SPECS", "nowhere")
    assert cli.run("validate", "--specs", "specs").code == 0


def test_no_colour_where_nobody_looks(cli, monkeypatch) -> None:
    assert ESCAPE not in cli.run("plan").text
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert ESCAPE in cli.run("plan").out
    assert ESCAPE not in cli.run("plan", "--no-color").text
    assert ESCAPE not in cli.run("plan", "--json").text
    assert ESCAPE not in cli.run("apply", "--auto-approve", "--json").text
    monkeypatch.setenv("NO_COLOR", "1")
    assert ESCAPE not in cli.run("plan").text


@pytest.mark.parametrize(("variable", "value"), [("TERM", "dumb"), ("NO_COLOR", "1"), ("CLICOLOR", "0")])
def test_a_terminal_that_wants_no_colour_gets_none(cli, monkeypatch, variable: str, value: str) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    assert ESCAPE in cli.run("plan").out
    monkeypatch.setenv(variable, value)
    assert ESCAPE not in cli.run("plan").out


def test_a_pipeline_is_spared_the_hints(cli, monkeypatch) -> None:
    assert "save it with --out" in cli.run("plan").err
    assert "provisioner apply p" in cli.run("plan", "--out", "p").err
    monkeypatch.setenv("PROVISIONER_IN_AUTOMATION", "1")
    for options in ((), ("--out", "p")):
        said = cli.run("plan", *options).err
        assert (said.count("\n"), said.startswith("  --approved 2")) == (1, True)
