"""A stack whose state is in PostgreSQL, and what holds after each mistake around it: one error, no password, nothing lost."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from support.cli_runner import CliRunner, CommandResult
from support.postgres_server import PASSWORD, PostgresServer
from support.postgres_stores import parsed

TABLES = "logs", "batches", "checkpoints", "schema_version"


@dataclass(frozen=True)
class SharedStack:
    """A stack whose state is in a schema of its own. `url` is its address for the owner of the tables."""

    cli: CliRunner
    server: PostgresServer
    url: str
    monkeypatch: pytest.MonkeyPatch

    @property
    def schema(self) -> str:
        return self.url.partition("schema=")[2]

    @property
    def shown(self) -> str:
        return parsed(self.url).shown

    def use(self, url: str) -> None:
        self.monkeypatch.setenv("PROVISIONER_STATE", url)

    def use_role(self, role: str) -> None:
        self.use(self.url.replace("owner:", f"{role}:"))

    def execute(self, statement: str) -> list[tuple]:
        return self.server.execute(statement.replace("$schema", self.schema))

    def rows(self) -> list[list[tuple]]:
        """Return all rows but those of the lease."""
        where = {"logs": "WHERE log <> 'lease'", "batches": "WHERE log <> 'lease'"}
        tables = ((table, where.get(table, "")) for table in TABLES[:3])
        return [self.execute(f"SELECT * FROM $schema.{table} {which} ORDER BY 1, 2") for table, which in tables]  # noqa: S608

    def run(self, *arguments: str) -> CommandResult:
        ran = self.cli.run(*arguments)
        assert "Traceback" not in ran.text
        assert PASSWORD not in ran.text
        assert PASSWORD.replace(" ", "%20") not in ran.text
        return ran

    def assert_refused(self, code: str, *commands: tuple[str, ...], exit_code: int = 1) -> str:
        """Check that each command fails with one error, and that nothing is bought. Returns the last error on one line."""
        bought = self.cli.bought()
        for command in commands or (("plan",), ("apply", "--auto-approve")):
            ran = self.run(*command)
            assert (ran.code, ran.text.count("Error[")) == (exit_code, 1), ran.text
            assert f"Error[{code}]" in ran.text
            assert "help: " in ran.text
        assert self.cli.bought() == bought
        return " ".join(ran.text.split())

    def assert_goes_on(self, *expected: str) -> None:
        """Check that an apply, without the fault, ends with each of these servers bought once."""
        self.use(self.url)
        assert self.cli.apply().code == 0
        assert sorted(map(str, self.cli.bought())) == sorted(expected or ("gateway",))
        assert "No changes" in self.run("plan").out
        assert self.run("history", "--verify").code == 0
