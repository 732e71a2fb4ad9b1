"""A stream that cannot take what is written: another encoding, a full disk, a closed descriptor, a reader that has gone.

What can be encoded is written, the rest is escaped. A lost result is an error, and nobody is asked about what is not shown.
"""

from __future__ import annotations

import ast
import errno
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from rendering.samples import create
from rendering.samples import plan as plan_of
from rendering.test_rendering_orders import ORDER

from provisioner.cli.adopt import ConsoleAdoptUI
from provisioner.cli.apply_ui import ConsoleApplyUI
from provisioner.cli.command_line import run
from provisioner.cli.console import Console, console
from provisioner.cli.exit_codes import ExitCode, with_lost_output
from provisioner.cli.lock_wait_ui import LockWaitUI
from provisioner.cli.main import catalogue
from provisioner.cli.order_ui import ConsoleOrdersUI
from provisioner.cli.prompt import ask, read_answer
from provisioner.cli.state_rebuild import ConsoleRebuildUI
from provisioner.model.action import Action

PROVISIONER = Path(__file__).parents[2] / "provisioner"
SPECS = 'servers: {gateway: {labels: {team: "图像 café 𠀀"}}}\noutputs: {who: "图像 é"}\n'
ENCODINGS = ("ascii", "latin-1", "gbk")
DOCUMENTS = (
    ("plan", "--json"),
    ("show", "--json"),
    ("state", "show", "gateway", "--json"),
    ("output", "--json"),
    ("inventory", "--format", "json"),
    ("validate", "--json"),
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Broken(io.StringIO):
    """A stream on which every write fails."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def flush(self) -> None:
        raise OSError(self.number, os.strerror(self.number))


def stream(encoding: str, errors: str = "strict") -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors=errors, newline="")


def written(encoded: io.TextIOWrapper) -> bytes:
    return encoded.buffer.getvalue()


@pytest.fixture
def run_in(monkeypatch):
    """Runs a command whose three streams have this encoding. Returns its exit code and what it wrote."""

    def run_in(encoding: str, *arguments: str, errors: str = "strict") -> tuple[int, bytes, bytes]:
        out, err = stream(encoding, errors), stream(encoding, "backslashreplace")
        with monkeypatch.context() as patched:
            patched.setattr(sys, "stdout", out)
            patched.setattr(sys, "stderr", err)
            console.cache_clear()
            code = run(arguments, catalogue)
        return code, written(out), written(err)

    return run_in


@pytest.fixture
def named(cli):
    cli.write_specs(SPECS)
    return cli


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("ascii", rb'"\u56fe\u50cf caf\u00e9 \U00020000"'),
        ("latin-1", rb'"\u56fe\u50cf caf\u00e9 \U00020000"'),
        ("gbk", '"图像 caf'.encode("gbk") + rb'\u00e9 \U00020000"'),
    ],
)
def test_a_plan_is_shown_with_escapes_for_what_is_lacking(named, run_in, encoding, shown):
    code, out, _ = run_in(encoding, "plan")
    assert code == 0
    assert b"team = " + shown in out
    assert out.endswith(b"Plan: 1 to add, 0 to change, 0 to destroy.\n")


def test_every_document_is_json_in_every_encoding(named, run_in):
    named.apply()
    for command in DOCUMENTS:
        document = named.run(*command).document
        for encoding in ENCODINGS:
            code, out, _ = run_in(encoding, *command)
            assert code == 0
            read = json.loads(out.decode("ascii"))
            for changing in ("approval", "server_time"):
                read.pop(changing, None), document.pop(changing, None)
            assert read == document


def test_a_stream_is_json_in_every_encoding(named, run_in):
    _, out, _ = run_in("gbk", "apply", "--auto-approve", "--json")
    lines = [json.loads(line) for line in out.decode("ascii").splitlines()]
    assert lines[-1]["outputs"]["who"]["value"] == "图像 é"


def test_a_failed_command_and_a_path_that_is_no_text_are_json(named, run_in):
    for command in (("plan", "-e", "\udcff图"), ("show", "--state", "state\udcff")):
        code, out, _ = run_in("ascii", *command, "--json")
        assert code == 1
        assert json.loads(out)["errored"] is True


def test_an_inventory_says_the_same_to_ansible(named, run_in):
    named.apply()
    wanted = yaml.safe_load(named.run("inventory", "--format", "ansible").out)
    for encoding in ENCODINGS:
        assert yaml.safe_load(run_in(encoding, "inventory", "--format", "ansible")[1].decode("ascii")) == wanted


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
@pytest.mark.parametrize("encoding", [*ENCODINGS, "utf-8"])
@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",), ("orders",), ("nonsense\udcff图",), ("plan", "\udce5图"), ("plan", "--\udcff图"), ("version",),
        ("output", "gate\udcff图"), ("plan", "--specs", "\udcff图"), ("-C", "\udcff图", "plan"), ("init", "--specs", "neu\udcff"),
    ],
)  # fmt: skip
def test_whatever_is_named_is_printed(cli, run_in, arguments, encoding, errors):
    code, out, err = run_in(encoding, *arguments, errors=errors)
    assert code in {0, 1}
    assert out + err
    assert b"internal" not in err
    (out + err).decode(encoding)


class TestWhatIsLost:
    @pytest.fixture
    def losing(self, monkeypatch):
        def losing(number: int, *arguments: str) -> tuple[int, str]:
            err = io.StringIO()
            with monkeypatch.context() as patched:
                patched.setattr(sys, "stdout", Broken(number))
                patched.setattr(sys, "stderr", err)
                console.cache_clear()
                return run(arguments, catalogue), err.getvalue()

        return losing

    @pytest.mark.parametrize(
        "arguments", [("--help",), ("plan", "--help"), ("version",), ("plan", "--json"), ("plan",)]
    )
    def test_a_full_disk_is_an_error_and_a_reader_that_has_gone_is_none(self, cli, losing, arguments):
        code, said = losing(errno.ENOSPC, *arguments)
        assert code == 1
        assert "Error: the output cannot be written (No space left on device)" in said
        assert "--approved" not in said
        if "--help" not in arguments:  # which click ends by itself
            assert losing(errno.EPIPE, *arguments)[0] == 0

    def test_a_stream_that_was_closed_is_an_error(self, cli, monkeypatch):
        closed = stream("utf-8")
        closed.close()
        monkeypatch.setattr(sys, "stdout", closed)
        console.cache_clear()
        assert run(["version"], catalogue) == 1

    def test_a_difference_that_nobody_has_read_is_no_difference(self):
        assert [with_lost_output(code, lost=True) for code in ExitCode] == [1, 1, 1, 3, 4, 5, 6, 7, 8]
        assert [with_lost_output(code, lost=False) for code in ExitCode] == [*ExitCode]

    @pytest.mark.parametrize("number", [errno.ENOSPC, errno.EPIPE])
    def test_nobody_is_asked_about_a_plan_that_is_not_shown(self, cli, losing, monkeypatch, number):
        monkeypatch.setattr("sys.stdin", Terminal("yes\n"))
        code, said = losing(number, "apply")
        assert code == 8
        assert "Error[not-shown]" in said
        assert "Enter a value" not in said
        assert cli.bought() == []

    @pytest.mark.parametrize("command", [("apply",), ("destroy", "--allow", "no-state")])
    @pytest.mark.parametrize("place", ["/dev/null", "log.txt"])
    def test_nobody_is_asked_about_a_plan_that_goes_into_a_file(self, cli, monkeypatch, capsys, command, place):
        monkeypatch.setattr("sys.stdin", Terminal("yes\n"))
        console.cache_clear()
        with Path(place).open("w") as stored:
            monkeypatch.setattr("sys.stdout", stored)
            code = run([*command], catalogue)
        said = capsys.readouterr().err
        assert (code, cli.bought()) == ((8, []) if command == ("apply",) else (0, []))
        assert ("stdout is a file or discarded" in " ".join(said.split())) is (command == ("apply",))
        assert "Enter a value" not in said

    def test_a_run_that_asks_nobody_goes_on(self, cli, losing):
        assert losing(errno.ENOSPC, "apply", "--auto-approve")[0] == 1
        assert cli.bought() == ["gateway"]


@pytest.fixture
def unshown(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", Terminal("yes\n" * 3))
    return Console(no_color=True, is_unshown=True)


@pytest.mark.parametrize("prompt", ["apply", "orders", "state rebuild", "adopt", "adopt, choosing", "state rm"])
def test_no_prompt_asks_about_what_is_not_shown(unshown, monkeypatch, capsys, prompt):
    asking = ConsoleApplyUI(unshown, auto_approve=False, may_ask=True)
    adopting = ConsoleAdoptUI(unshown, False, True, False, LockWaitUI(unshown, 0), lambda: "yes")
    match prompt:
        case "apply":
            approved = asking.approve(plan_of(create("gateway")))
        case "orders":
            approved = ConsoleOrdersUI(asking, Action.PAY, as_json=False).approve(ORDER)
        case "state rebuild":
            approved = ConsoleRebuildUI(asking, LockWaitUI(unshown, 0)).approve(None)
        case "adopt":
            approved = adopting.approve(None, "", ())
        case "adopt, choosing":
            monkeypatch.setattr(ConsoleAdoptUI, "_list", lambda *_: None)
            approved = adopting.choose([type("Found", (), {"problem": ""})()])
        case "state rm":
            from provisioner.cli import state_edits

            monkeypatch.setattr(state_edits, "console", lambda: unshown)
            forgotten = type("Forgotten", (), {"records": (), "declared": ()})()
            approved = state_edits._approval(None, auto_approve=False, may_ask=True)(forgotten)
    assert not approved
    said = capsys.readouterr().err
    assert "Error[not-shown]" in said
    assert "Enter a value" not in said


@pytest.mark.parametrize(("encoding", "has_table"), [("utf-8", True), ("gbk", False), ("ascii", False)])
def test_lines_with_escapes_are_not_redrawn(monkeypatch, encoding, has_table):
    monkeypatch.setenv("FORCE_COLOR", "1")
    screen = type("Screen", (io.TextIOWrapper,), {"isatty": lambda _: True})(io.BytesIO(), encoding)
    monkeypatch.setattr(sys, "stderr", screen)
    asking = ConsoleApplyUI(Console(), auto_approve=True, may_ask=False)
    with asking._live_table(plan_of(create("gateway"))):
        assert (asking._table is not None) is has_table


def test_only_the_prompt_reads_what_a_person_types():
    reading = [
        path.name for path in (PROVISIONER / "cli").glob("*.py") if "readline" in path.read_text(encoding="utf-8")
    ]
    assert reading == ["prompt.py"]


def test_a_question_that_cannot_be_written_is_not_asked(monkeypatch):
    monkeypatch.setattr("sys.stdin", Terminal("yes\n"))
    monkeypatch.setattr("sys.stderr", Broken(errno.EIO))
    assert not ask(Console(), "Pay?\n", word="yes")


def test_an_answer_that_is_no_text_approves_nothing(monkeypatch, capsys):
    for encoding in ("ascii", "utf-8", "gbk"):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xff\xffyes\nyes\n"), encoding=encoding))
        assert read_answer(Console(), "Pay?") == ""


@pytest.mark.parametrize("redirection", [">&-", ">/dev/full"])
@pytest.mark.parametrize("command", ["--version", "version --json"])
def test_a_process_without_a_place_for_its_result_fails(tmp_path, command, redirection):
    program = f"{sys.executable} -m provisioner {command} {redirection}"
    ran = subprocess.run(["sh", "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert "Exception ignored" not in ran.stderr


def test_every_file_is_utf8_whatever_the_locale():
    """Text is read and written as bytes, or with its encoding. `cli/main.py` opens the standard streams themselves."""
    for path in PROVISIONER.rglob("*.py"):
        text = path.read_bytes()
        if path == PROVISIONER / "cli" / "main.py" or not any(name in text for name in (b"open(", b"_text(")):
            continue
        for node in ast.walk(ast.parse(text)):
            assert not (isinstance(node, ast.Call) and _depends_on_locale(node)), f"{path}:{node.lineno}"


def _depends_on_locale(call: ast.Call) -> bool:
    if any(keyword.arg == "encoding" for keyword in call.keywords):
        return False
    modes = [each.value for each in call.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    match call.func:
        case ast.Attribute(attr="read_text" | "write_text"):
            return True
        case ast.Attribute(attr="fdopen") | ast.Name(id="open"):
            return not any("b" in mode for mode in modes)
        case ast.Attribute(attr="open"):  # of a path; that of `os` takes flags
            return bool(modes) and not any("b" in mode for mode in modes)
        case _:
            return False
