"""The commands and options that users of Terraform and OpenTofu type: each works here, or its answer says what to use."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.commands import EVERY_COMMAND, options_of

from provisioner.cli import terraform
from provisioner.cli.spelling import LONG_OPTIONS, with_two_dashes

ROOT = Path(__file__).parents[2]
GLOBAL = "chdir help version install-autocomplete uninstall-autocomplete"
OF_PLANS = (
    "allow-deferral compact-warnings concise consolidate-errors consolidate-warnings deprecation destroy exclude exclude-file input json "
    "json-into lock lock-timeout no-color parallelism refresh refresh-only replace show-sensitive state target target-file var var-file"
)
OF_STATE_EDITS = "backup backup-out ignore-remote-version lock lock-timeout state state-out"
TERRAFORM = {
    "": GLOBAL,
    "init": "backend backend-config cloud create-default-workspace force-copy from-module get get-plugins ignore-remote-version input json "
    "lock lock-timeout lockfile migrate-state no-color plugin-dir reconfigure test-directory upgrade var var-file verify-plugins",
    "validate": "consolidate-errors consolidate-warnings json no-color no-tests query test-directory var var-file",
    "plan": f"{OF_PLANS} detailed-exitcode generate-config-out module-depth out",
    "apply": f"{OF_PLANS} auto-approve backup state-out suppress-forget-errors",
    "destroy": f"{OF_PLANS} auto-approve backup force state-out suppress-forget-errors".replace(" destroy", "")
    .replace(" refresh-only", "").replace(" replace", ""),
    "import": "allow-missing-config backup config ignore-remote-version input lock lock-timeout no-color parallelism provider state "
    "state-out var var-file",
    "output": "json module no-color raw show-sensitive state",
    "show": "config json module no-color plan show-sensitive state",
    "graph": "draw-cycles module-depth plan type",
    "force-unlock": "force",
    "version": "json",
    "state list": "id state",
    "state show": "state",
    "state mv": OF_STATE_EDITS,
    "state rm": OF_STATE_EDITS,
}  # fmt: skip
"""The options of Terraform 1.14 and OpenTofu 1.11, by the command that this tool has, too."""
ABSENT = [
    "console",
    "env",
    "fmt",
    "get",
    "login",
    "logout",
    "metadata",
    "modules",
    "providers",
    "query",
    "refresh",
    "stacks",
    "taint",
    "test",
    "untaint",
    "workspace",
    "cost",
    "schema",
]
PASTED = re.compile(r"`provisioner ([^`]+)`")


def taken(command: str) -> set[str]:
    return {name[2:] for option in options_of(EVERY_COMMAND[command]) for name in option.opts if name.startswith("--")}


@pytest.mark.parametrize("command", TERRAFORM)
def test_every_option_of_terraform_works_or_is_answered(command: str) -> None:
    unanswered = {
        option
        for option in TERRAFORM[command].split()
        if option not in taken(command) and terraform.answer_option(command, option) is None
    }
    assert not unanswered


def test_an_answer_stands_for_no_word_of_ours() -> None:
    assert not terraform.OPTIONS.keys() & LONG_OPTIONS
    assert not terraform.COMMANDS.keys() & EVERY_COMMAND.keys()
    for command, options in terraform.OPTIONS_OF.items():
        assert not options.keys() & taken(command)


def answers() -> Iterator[tuple[str, str]]:
    yield terraform.STATE_FILE, "state"
    yield terraform.VARIABLES_FILE, "var-file"
    for words in terraform.COMMANDS:
        for arguments in ([], ["gateway"], *([name, "prod"] for name in ("list", "new", "select", "show", "delete"))):
            yield str(terraform.answer_command(words, arguments)), words
    for options in (terraform.OPTIONS, *terraform.OPTIONS_OF.values()):
        yield from ((answer, option) for option, answer in options.items())


def test_every_command_and_page_that_an_answer_names_exists() -> None:
    for answer, asked in answers():
        for line in PASTED.findall(answer):
            words = shlex.split(line)
            path = max((path for path in EVERY_COMMAND if words[: len(path.split())] == path.split()), key=len)
            assert path, f"the answer to {asked} names {line}"
            known = {
                name for option in options_of(EVERY_COMMAND[path]) for name in (*option.opts, *option.secondary_opts)
            }
            assert {word for word in words if word.startswith("-")} <= known, asked
        for page in re.findall(r"docs/[\w./-]+\.md", answer):
            assert (ROOT / page).exists(), asked


@pytest.mark.parametrize("word", ABSENT)
def test_a_command_of_terraform_is_answered_and_never_mistaken_for_another(cli, word: str) -> None:
    before = cli.state_files(), cli.ledger()
    ran = cli.run(word, "-lock=false", "gateway", "-no-color")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"Error: There is no command '{word}'. ")
    assert "Did you mean" not in ran.err
    assert (cli.state_files(), cli.ledger()) == before


def test_only_a_typing_error_is_taken_for_another_command(cli) -> None:
    for mistyped, meant in (
        ("aply", "apply"),
        ("detsroy", "destroy"),
        ("unlok", None),
        ("lint", None),
        ("export", None),
        ("clean", None),
    ):
        said = cli.run(mistyped).stderr_text
        assert ("Did you mean" in said) == (meant is not None)
        assert meant is None or f"Did you mean {meant!r}?" in said


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["taint", "trainer[0]"], "`provisioner apply --replace 'trainer[0]'`"),
        (["taint", 'notebook["ada"]'], "`provisioner apply --replace 'notebook[\"ada\"]'`"),
        (["taint", "-lock=false", "gateway"], "`provisioner apply --replace gateway`"),
        (["taint", "a type.name"], "`provisioner apply --replace ADDRESS`"),
        (["untaint", "gateway"], "`provisioner plan --target gateway`"),
        (["workspace"], "`provisioner plan -e NAME`"),
        (["workspace", "new", "prod"], "Write environments/prod.yaml beside stack.yaml"),
        (["workspace", "select", "prod"], "`provisioner plan -e prod`"),
        (["workspace", "select", "a;b"], "`provisioner plan -e NAME`"),
        (["workspace", "delete", "prod"], "`provisioner destroy -e prod`"),
        (["env", "list"], "-e NAME chooses one"),
        (["state", "replace-provider", "a", "b"], "There are no providers"),
        (["providers", "lock"], "`cloud:` in stack.yaml"),
        (["login"], "`provisioner credentials`"),
        (["refresh"], "`provisioner apply --refresh-only`"),
        (["reinstall", "trainer[0]"], "`provisioner apply --reinstall 'trainer[0]'`"),
        (["replace", "gateway"], "`provisioner apply --replace gateway`"),
        (["deploy"], "`provisioner apply` does it"),
        (["rm", "gateway"], "`provisioner state rm ADDRESS` forgets one"),
        (["help", "taint"], "`provisioner apply --replace ADDRESS`"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_an_answer_has_the_words_that_were_given(cli, words: list[str], answer: str) -> None:
    ran = cli.run(*words)
    assert ran.code == 1
    assert answer in ran.stderr_text


def test_an_answer_sends_nothing_to_the_terminal_that_could_control_it(cli) -> None:
    assert "\x1b" not in cli.run("taint", 'a["\x1b[2J\u202e"]').text
    assert "\u202e" not in cli.run("taint", 'a["\u202e"]').text


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["plan", "-generate-config-out=new.tf"], "`provisioner adopt` lists the servers that nobody owns"),
        (["plan", "-lock-timeout=3s"], "plan takes no lock"),
        (["init", "-migrate-state"], "the state is kept in a folder"),
        (["init", "-upgrade"], "there are no providers or modules to install"),
        (["destroy", "-force"], "--auto-approve destroys without asking"),
        (["apply", "-force"], "--auto-approve carries out a plan without asking"),
        (["apply", "--yes"], "--auto-approve carries out a plan without asking"),
        (["-install-autocomplete"], "`provisioner completion bash`"),
        (["state", "list", "-id=x"], "prints the ids of all servers"),
        (["apply", "-auto-approve", "-state=prod.tfstate"], "`provisioner adopt --from-terraform FILE`"),
        (["plan", "-var-file=prod.tfvars"], "Files of variables are YAML here"),
        (["output", "-state", "x.tfstate.backup"], "`provisioner adopt --from-terraform FILE`"),
    ],
    ids=" ".join,
)
def test_an_option_of_terraform_is_answered_before_anything_is_done(cli, words: list[str], answer: str) -> None:
    ran = cli.run(*words)
    assert (ran.code, ran.out) == (1, "")
    assert answer in ran.stderr_text
    assert "Did you mean" not in ran.err
    assert cli.ledger() == []


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (["apply", "-auto-approve=true", "-json=false"], ["apply", "--auto-approve"]),
        (["plan", "-destroy=1", "-refresh-only=F"], ["plan", "--destroy"]),
        (["plan", "--input=0"], ["plan", "--no-input"]),
        (["plan", "-no-input=false"], ["plan", "--input"]),
        (["plan", "-var=true=false", "-state=true"], ["plan", "--var=true=false", "--state=true"]),
        (["apply", "-auto-approve=maybe"], ["apply", "--auto-approve=maybe"]),
        (["plan", "--", "-json=false"], ["plan", "--", "-json=false"]),
    ],
    ids=" ".join,
)
def test_flags_may_have_the_values_that_terraform_gives_them(given: list[str], meant: list[str]) -> None:
    assert with_two_dashes(given) == meant


@pytest.mark.parametrize("path", ["", "plan", "state", "state list", "sandbox serve", "help"])
def test_help_of_a_command_is_what_the_command_says_itself(cli, path: str) -> None:
    asked, own = cli.run("help", *path.split()), cli.run(*path.split(), "--help")
    assert (asked.code, asked.err) == (0, "")
    assert asked.out == own.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["aply"], "There is no command 'aply'. Did you mean 'apply'?"),
        (["state", "lst"], "Did you mean 'list'?"),
        (["plan", "out"], "'provisioner plan' has no commands, and so no 'out'"),
    ],
    ids=" ".join,
)
def test_help_of_what_is_no_command(cli, words: list[str], said: str) -> None:
    ran = cli.run("help", *words)
    assert (ran.code, ran.out) == (1, "")
    assert said in ran.stderr_text
