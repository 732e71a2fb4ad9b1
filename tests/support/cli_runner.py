"""A person's folder and what they type in it. Commands run inside the test's own process unless a real one is the point.

What counts as bought is what the sandbox's ledger says, never what the tool says of itself.
"""

from __future__ import annotations

import json
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from provisioner.cli.command_line import run
from provisioner.cli.console import console
from provisioner.cli.main import catalogue
from provisioner.sandbox import read_ledger

PASSWORD = "Canary-7q!Xw9Zt"
"""Obeys the API's rule, and is found nowhere by chance."""

STACK = """\
stack: demo
cloud: sandbox
region: cn-north-4
defaults:
  flavor: Si2.large.4
  image_id: c90fb553-2cdb-4b81-b56a-ef68812c6cf7
  key_pair_name: ops
  network:
    vpc_id: 05982b48-a70f-43a1-a2b0-1fe36a236172
    subnet_id: 38cf274a-98f9-4f6f-b622-5ed0e4a3db54
    security_group_id: 150a2c76-1334-45f6-b28f-419f9b1d1742
"""
GATEWAY = "servers: {gateway: {}}\n"


@dataclass(frozen=True)
class CommandResult:
    code: int
    out: str
    err: str

    @property
    def stderr_text(self) -> str:
        """What stderr says, whatever the width it was wrapped to."""
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

    def write_specs(self, text: str) -> None:
        self.write("specs/servers.yaml", text)

    def write_stack(self, text: str = STACK, **replaced: str) -> None:
        """`replaced`: by key of stack.yaml, its new value."""
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
        """Fails with this finding and a next step; nothing was bought, nothing was lost, and no code was shown."""
        before = self.state_files(), self.ledger()
        ran = self.run(*arguments)
        assert f"Error[{code}]" in ran.err, ran.text
        assert "help: " in ran.stderr_text, ran.err
        assert ran.code == exit_code, ran.text
        assert "Traceback" not in ran.text
        assert (self.state_files(), self.ledger()) == before
        return ran

    def assert_refused(self, code: str, exit_code: int = 1) -> CommandResult:
        """Both plan and apply fail with this finding; what plan said."""
        self.assert_fails("apply", "--auto-approve", code=code, exit_code=exit_code)
        return self.assert_fails("plan", code=code, exit_code=exit_code)

    def state_files(self) -> dict[str, bytes]:
        """State and journal, byte by byte."""
        return {file.name: file.read_bytes() for file in self.state.glob("*") if file.suffix in {".json", ".journal"}}

    @property
    def state(self) -> Path:
        return self.path / "state"

    def ledger(self) -> list[tuple[str, str | None]]:
        """What the cloud really did: kind and server's name, oldest first."""
        return [(entry.kind, entry.name) for entry in read_ledger(self.state / ".sandbox" / "world.db")]

    def bought(self) -> list[str | None]:
        return [name for kind, name in self.ledger() if kind == "purchase"]
