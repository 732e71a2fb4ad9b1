"""Runs commands of the tool inside the test's own process, in a folder with specs and a state.

What was bought is read from the sandbox's ledger, never from the tool's own output.
"""

from __future__ import annotations

import json
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.stack_text import DEFAULTS

from provisioner.cli.command_line import run
from provisioner.cli.console import console
from provisioner.cli.main import catalogue
from provisioner.sandbox import read_ledger

STACK = f"stack: demo\ncloud: sandbox\nregion: cn-north-4\n{DEFAULTS}"
GATEWAY = "servers: {gateway: {}}\n"


@dataclass(frozen=True)
class CommandResult:
    code: int
    out: str
    err: str

    @property
    def stderr_text(self) -> str:
        """Stderr on one line, so that a test need not know where it was wrapped."""
        return " ".join(self.err.split())

    @property
    def text(self) -> str:
        return self.out + self.err

    @property
    def document(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass(frozen=True)
class CliRunner:
    path: Path
    capsys: pytest.CaptureFixture[str]

    def write(self, name: str, text: str) -> Path:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text), encoding="utf-8")
        return file

    def configure(self, text: str, name: str = "home/.config/provisioner/config.yaml") -> Path:
        """Writes a configuration so that nobody else can write it, whatever the umask is."""
        file = self.write(name, text)
        file.parent.chmod(0o700)
        file.chmod(0o600)
        return file

    def write_specs(self, text: str) -> None:
        self.write("specs/servers.yaml", text)

    def write_stack(self, text: str = STACK, **replaced: str) -> None:
        """Writes stack.yaml. `replaced` has new values for its top-level keys."""
        lines = text.splitlines()
        for key, value in replaced.items():
            lines = [f"{key}: {value}" if line.startswith(f"{key}:") else line for line in lines]
        self.write("specs/stack.yaml", "\n".join(lines) + "\n")

    def run(self, *arguments: str) -> CommandResult:
        console.cache_clear()
        self.capsys.readouterr()
        code = run(arguments, catalogue)
        captured = self.capsys.readouterr()
        return CommandResult(code, captured.out, captured.err)

    def apply(self) -> CommandResult:
        ran = self.run("apply", "--auto-approve")
        assert ran.code == 0, ran.text
        return ran

    def assert_fails(self, *arguments: str, code: str, exit_code: int = 1) -> CommandResult:
        """Runs a command that has to fail with this finding and a hint, change neither state nor cloud, and show no traceback."""
        before = self.state_files(), self.ledger()
        ran = self.run(*arguments)
        assert f"Error[{code}]" in ran.err, ran.text
        assert "help: " in ran.stderr_text, ran.err
        assert ran.code == exit_code, ran.text
        assert "Traceback" not in ran.text
        assert (self.state_files(), self.ledger()) == before
        return ran

    def assert_refused(self, code: str, exit_code: int = 1) -> CommandResult:
        """Checks that both plan and apply fail with this finding. Returns the result of plan."""
        self.assert_fails("apply", "--auto-approve", code=code, exit_code=exit_code)
        return self.assert_fails("plan", code=code, exit_code=exit_code)

    def state_files(self) -> dict[str, bytes]:
        """Returns the contents of state and journal by file name."""
        return {file.name: file.read_bytes() for file in self.state.glob("*") if file.suffix in {".json", ".journal"}}

    @property
    def state(self) -> Path:
        return self.path / "state"

    def ledger(self) -> list[tuple[str, str | None]]:
        """Returns the ledger's rows as pairs of kind and server's name, oldest first."""
        return [(entry.kind, entry.name) for entry in read_ledger(self.state / ".sandbox" / "world.db")]

    def bought(self) -> list[str | None]:
        return [name for kind, name in self.ledger() if kind == "purchase"]
