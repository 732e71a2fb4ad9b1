"""Completion in shells: what is offered, how it is quoted, that it is fast and silent; and real shells, where there are some."""

import os
import pty
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest
from support.builders import a_purchase_of_several, a_state, an_intent
from support.commands import EVERY_COMMAND, options_of

from provisioner.cli.command_line import run
from provisioner.cli.commands import COMMANDS
from provisioner.cli.main import catalogue
from provisioner.model.canonical import canonical
from provisioner.model.guards import Allowance
from provisioner.store.codec import state_to_json

GROUPS = """\
servers:
  gateway: {labels: {team: vision}}
  trainer: {count: 11}
  notebook: {for_each: [ada, grace]}
"""
NOTEBOOKS = ['notebook["ada"]', 'notebook["grace"]']
TRAINERS = [f"trainer[{index}]" for index in range(11)]
RECORDED = ["gateway", *NOTEBOOKS, *TRAINERS]


@pytest.fixture
def typed(cli, monkeypatch):
    """What a shell is answered for a line with the cursor at its end: the kind, and the candidates."""

    def answer(line: str, shell: str = "zsh") -> tuple[str, list[str]]:
        cli.capsys.readouterr()
        with monkeypatch.context() as asking:
            asking.setenv("COMP_LINE", line)
            asking.setenv("_PROVISIONER_COMPLETE", f"{shell}_complete")
            with pytest.raises(SystemExit) as ended:
                run([], catalogue)
        out, err = cli.capsys.readouterr()
        assert (ended.value.code, err) == (0, "")
        kind, *candidates = out.splitlines()
        return kind, candidates

    return answer


_STATE_OF_GROUPS: list[bytes] = []
"""The state that an apply of GROUPS has left, which is made once."""


@pytest.fixture
def bought(cli):
    cli.write_specs(GROUPS)
    if not _STATE_OF_GROUPS:
        cli.apply()
        _STATE_OF_GROUPS.append((cli.state / "demo.json").read_bytes())
    for path in cli.state.glob("demo.*"):
        path.unlink()
    (cli.state / "demo.json").write_bytes(_STATE_OF_GROUPS[0])
    return cli


@pytest.fixture
def fleet(bought, typed):
    """What is offered where all of it is bought."""

    def candidates(line: str, shell: str = "zsh") -> list[str]:
        kind, found = typed(line, shell)
        assert kind == "values"
        return [each.partition("\t")[0] for each in found]

    return candidates


def test_commands_and_options(fleet) -> None:
    assert fleet("provisioner ") == [*COMMANDS]
    assert fleet("provisioner pla") == ["plan"]
    assert fleet("provisioner --") == ["--chdir", "--version", "--help"]
    assert fleet("provisioner state un") == ["unprotect"]
    assert fleet("provisioner plan --det") == fleet("provisioner plan -det") == ["--detailed-exitcode"]
    assert fleet("provisioner help sta") == ["state"]
    assert fleet("provisioner help state re") == ["rebuild", "rename"]
    assert fleet("provisioner help plan ") == []
    assert fleet("provisioner inventory --format e") == ["env"]
    assert fleet("provisioner init --template ") == ["small", "cluster", "prepaid", "team"]
    assert fleet("provisioner plan no") == []
    assert fleet("A=b C= provisioner explain no-stat") == ["no-state"]
    assert fleet("provisioner plan --allow vani") == ["vanished"]
    assert fleet("provisioner plan --allow ") == [*Allowance, "all"]
    assert fleet("provisioner plan --var x=") == []


@pytest.mark.parametrize(
    "line",
    ["plan --replace", "apply -replace", "apply --reinstall", "state show", "import", "resolve", "history", "output", "orders pay",
     "orders show"],
)  # fmt: skip
def test_addresses_are_those_of_the_state(fleet, line: str) -> None:
    assert fleet(f"provisioner {line} ") == RECORDED
    assert fleet(f"provisioner {line} n") == NOTEBOOKS


@pytest.mark.parametrize(
    "line", ["plan --target", "destroy --exclude", "drift -target", "state rm", "state mv", "state unprotect"]
)
def test_groups_are_offered_where_they_can_be_named(fleet, line: str) -> None:
    assert fleet(f"provisioner {line} t") == ["trainer", *TRAINERS]
    assert fleet(f"provisioner {line} trainer[1") == ["trainer[1]", "trainer[10]"]


def test_every_option_and_argument_that_takes_an_address_completes_it() -> None:
    found = {
        f"{path} {parameter.human_readable_name}".strip()
        for path, context in EVERY_COMMAND.items()
        for parameter in (*options_of(context), *context.command.params)
        if "ADDRESS" in f"{getattr(parameter, 'metavar', '')} {parameter.human_readable_name}".upper()
        and type(parameter.type).shell_complete is click.ParamType.shell_complete
        and parameter._custom_shell_complete is None
    }
    assert found == set()


def test_labels_environments_and_plans(cli, fleet, typed) -> None:
    assert fleet("provisioner plan --selector te") == ["team=vision"]
    assert fleet("provisioner plan --selector=team=") == ["--selector=team=vision"]
    assert fleet("provisioner plan -e ") == []
    cli.write_specs("servers: {another: {}}\n")
    assert cli.run("plan", "--state", "fresh", "--out", "end.plan").code == 0
    assert fleet("provisioner apply e") == fleet("provisioner show ") == ["end.plan"]
    for line in ("apply x", "show specs/", "plan --var-file ", "plan --out "):
        assert typed(f"provisioner {line}") == ("files", [])
    assert typed("provisioner -C s") == ("folders", [])


def test_environments_and_the_state_of_the_chosen_one(cli, fleet, monkeypatch) -> None:
    cli.write_stack(
        f"{(cli.path / 'specs/stack.yaml').read_text()}environments:\n  dev: {{}}\n  # of the team\n  prod:\n    protected: true\n"
    )
    assert fleet("provisioner plan -e ") == fleet("provisioner plan --environment ") == ["dev", "prod"]
    for name in ("dev", "prod", "test-1"):
        cli.write(f"specs/environments/{name}.yaml", "{}\n")
    assert fleet("provisioner plan -e ") == ["dev", "prod", "test-1"]
    shutil.move(cli.state / "demo.json", cli.state / "demo.dev.json")
    assert fleet("provisioner state show ") == []
    assert fleet("provisioner plan -e dev --replace ") == RECORDED
    assert fleet("provisioner plan -e prod --target ") == []
    monkeypatch.setenv("PROVISIONER_ENVIRONMENT", "dev")
    assert fleet("provisioner state show ") == RECORDED


def test_the_stack_and_the_state_that_the_line_names(cli, fleet, monkeypatch, tmp_path) -> None:
    shutil.move(cli.state, tmp_path / "kept elsewhere")
    assert fleet("provisioner state show g") == []
    assert fleet("provisioner state show --state 'kept elsewhere' g") == ["gateway"]
    assert fleet(f"provisioner state show --state=file://{tmp_path}/kept%20elsewhere g") == ["gateway"]
    shutil.move(tmp_path / "kept elsewhere", cli.state)
    monkeypatch.chdir("/")
    assert fleet("provisioner state show g") == []
    assert fleet(f"provisioner -C {cli.path} state show g") == ["gateway"]
    assert fleet(f"provisioner state show --specs {cli.path}/specs g") == ["gateway"]


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"resources": 3, "intents": [1]}', '{"resources": {"a": 1}, "intents": {"x": {"address": 3}}}',
     "[" * 100_000, "\udcff"],
    ids=range(8),
)  # fmt: skip
def test_a_damaged_state_offers_nothing_and_says_nothing(cli, typed, text: str) -> None:
    (cli.state / "demo.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    kind, found = typed("provisioner plan --target ")
    assert kind == "values"
    assert found in ([], ["a"])
    assert typed("provisioner plan --selector ") == ("values", [])


@pytest.mark.parametrize("damage", ["no stack", "a folder", "a pipe", "nonsense"])
def test_a_stack_file_that_cannot_be_read_offers_nothing(cli, fleet, damage: str) -> None:
    path = cli.path / "specs/stack.yaml"
    path.unlink()
    if damage == "a folder":
        path.mkdir()
    elif damage == "a pipe":
        os.mkfifo(path)
    elif damage == "nonsense":
        path.write_bytes(b"\xff: [")
    assert fleet("provisioner plan --target ") == []
    assert fleet("provisioner plan -e ") == []


def test_a_purchase_in_doubt_can_be_resolved_by_its_name(cli, typed) -> None:
    doubts = (an_intent("pool[3]", id="1"), a_purchase_of_several("a", "b", id="2"))
    state = a_state(intents={intent.id: intent for intent in doubts})
    (cli.state / "demo.json").write_bytes(canonical(state_to_json(state)))
    assert typed("provisioner resolve ") == ("values", ["a", "b", "pool[3]"])


@pytest.mark.parametrize(
    ("line", "inserted"),
    [
        ("state show g", ["gateway"]),
        ("state show n", ["'notebook[\"ada\"]'", "'notebook[\"grace\"]'"]),
        ("state show 'notebook[\"g", ['notebook["grace"]']),
        ('state show "notebook[\\"g', ['notebook[\\"grace\\"]']),
        ('state show notebook\\[\\"g', ['notebook\\[\\"grace\\"\\]']),
        ("plan --target=g", ["gateway"]),
        ("plan --target=notebook\\[", ['notebook\\[\\"ada\\"\\]', 'notebook\\[\\"grace\\"\\]']),
        ("plan --target='notebook[\"g", ['notebook["grace"]']),
        ("plan --target tr", ["'trainer'", *(f"'{one}'" for one in TRAINERS)]),
        ("plan --replace 'trainer[1'", ["]", "0]"]),
        ("plan --selector=team=v", ["vision"]),
        ("plan --allow mass", ["mass-change"]),
    ],
)
def test_bash_is_given_what_it_has_to_insert(fleet, line: str, inserted: list[str]) -> None:
    found = fleet(f"provisioner {line}", "bash")
    assert [one.strip("'") for one in found] == [one.strip("'") for one in inserted]
    if not line.endswith("1'"):
        assert found == inserted


def test_bash_completes_up_to_the_cursor(fleet, monkeypatch) -> None:
    monkeypatch.setenv("COMP_POINT", str(len("provisioner state show g")))
    assert fleet("provisioner state show gXYZ more", "bash") == ["gateway"]


def test_a_long_option_is_completed_with_its_name_where_a_shell_replaces_the_word(fleet) -> None:
    assert fleet("provisioner plan --target=g") == fleet("provisioner plan -target=g", "fish") == ["--target=gateway"]


def test_completing_is_fast_because_it_imports_little(cli, applied) -> None:
    tell = "import sys; from provisioner.cli.main import main\ntry: main()\nfinally: print('MODULES', *sys.modules, file=sys.stderr)"
    environment = {**os.environ, "COMP_LINE": "provisioner plan --target ", "_PROVISIONER_COMPLETE": "bash_complete"}
    ran = subprocess.run([sys.executable, "-c", tell], env=environment, capture_output=True, text=True, check=True)
    assert ran.stdout == "values\ngateway\n"
    imported = {name.partition(".")[0] for name in ran.stderr.split()}
    assert not imported & {"pydantic", "yaml", "rich", "httpx", "jinja2", "deepdiff", "asyncio", "orjson", "ssl"}


PROGRAM = """\
#!/bin/sh
if [ -n "$_PROVISIONER_COMPLETE" ] || [ "$1" = completion ]; then exec {python} -m provisioner "$@"; fi
for word in "$@"; do printf '<%s>' "$word"; done >> {record}
echo >> {record}
"""
SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "source <(provisioner completion bash)"),
    "zsh": (["zsh", "-f", "-i"], "autoload -Uz compinit; compinit -u -D; source <(provisioner completion zsh)"),
    "fish": (["fish", "--no-config", "-i"], "provisioner completion fish | source"),
}


CONTROL_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
)


class Terminal:
    """A shell at a pseudo-terminal. Keys are pressed one step after the other, each when the last one has shown its effect."""

    def __init__(self, command: list[str], environment: dict[str, str], directory: Path) -> None:
        self._screen, terminal = pty.openpty()
        self._shell = subprocess.Popen(
            [sys.executable, "-c", CONTROL_TERMINAL, *command],
            cwd=directory,
            env=environment,
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
        )
        os.close(terminal)

    def press(self, keys: str, until) -> str:
        os.write(self._screen, keys.encode())
        shown, deadline = "", time.monotonic() + 30
        while not until(shown):
            assert time.monotonic() < deadline, f"after {keys!r} the screen shows {shown!r}"
            if select.select([self._screen], [], [], 0.02)[0]:
                shown += os.read(self._screen, 65536).decode(errors="replace")
        return shown

    def close(self) -> None:
        os.close(self._screen)
        self._shell.kill()
        self._shell.wait()


@pytest.fixture(params=SHELLS)
def shell(request, bought, tmp_path):
    if shutil.which(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    command, load = SHELLS[request.param]
    record = tmp_path / "record"
    record.touch()
    program = bought.write("bin/provisioner", PROGRAM.format(python=sys.executable, record=record))
    program.chmod(0o755)
    environment = {
        "PATH": f"{program.parent}:{os.environ['PATH']}", "HOME": str(tmp_path), "TERM": "xterm", "LANG": "C.UTF-8", "PS1": "READY> ",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }  # fmt: skip
    terminal = Terminal(command, environment, bought.path)

    def lines() -> list[str]:
        return record.read_text().splitlines()

    def complete(*keys: str) -> str:
        """Types a line, a TAB after each of the parts, and returns the words that the program got."""
        before = len(lines())
        for part in keys:
            terminal.press(f"{part}\t", lambda shown, part=part: len(shown) > len(part) + 1)
        terminal.press("\r", lambda _shown: len(lines()) > before)
        return lines()[before]

    terminal.press(f"{load}; provisioner loaded\r", lambda _shown: lines() == ["<loaded>"])
    yield complete
    terminal.close()


def test_a_real_shell_passes_on_the_address_that_was_completed(shell) -> None:
    assert shell("provisioner state show notebook", "g") == '<state><show><notebook["grace"]>'
    assert shell("provisioner plan --replace=trainer", "10") == "<plan><--replace=trainer[10]>"
    assert shell("provisioner state show 'notebook[\"a") == '<state><show><notebook["ada"]>'
    assert shell("provisioner plan --allow mass") == "<plan><--allow><mass-change>"
    assert shell("provisioner explain no-stat") == "<explain><no-state>"
