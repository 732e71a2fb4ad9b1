"""Mistakes around a state in PostgreSQL: each gets one error that says what to do, shows no password, and loses nothing.

The sandbox's ledger tells what was bought. Every test ends with an apply that needs nothing but the fault's end.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import pytest
from support.cli_runner import CliRunner, CommandResult
from support.postgres_server import PASSWORD, PostgresServer, free_port, required_server
from support.postgres_stores import new_url, parsed

from provisioner.store import postgres

GATEWAY = "servers: {gateway: {}}\n"
FOUR = "servers: {gateway: {}, alpha: {}, beta: {}, gamma: {}}\n"
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


@pytest.fixture
def stack(cli, monkeypatch):
    server = required_server()
    made = SharedStack(cli, server, new_url(server), monkeypatch)
    made.use(made.url)
    return made


@pytest.fixture
def bought(stack):
    stack.cli.apply()
    return stack


CONNECTIONS = {
    "password": (lambda url: url.replace(PASSWORD.replace(" ", "%20"), "wrong"), "store-login", "PGPASSWORD"),
    "user": (lambda url: url.replace("owner:", "nobody:"), "store-login", "PGUSER"),
    "database": (lambda url: url.replace("/postgres?", "/missing?"), "store-login", "name of the database"),
    "host": (lambda url: url.replace("127.0.0.1", "db.invalid"), "store-unreachable", "Check host and port"),
    "port": (lambda url: url.replace(str(required_server().port), str(free_port())), "store-unreachable", "Check host"),
    "no TLS": (lambda url: f"{url}&sslmode=require", "store-tls", "Do not lower sslmode"),
    "no standby": (lambda url: f"{url}&target_session_attrs=standby", "store-standby", "Name the primary"),
}


@pytest.mark.parametrize("mistake", CONNECTIONS)
def test_a_wrong_address_or_login(stack, mistake):
    change, code, advice = CONNECTIONS[mistake]
    wrong = change(stack.url)
    assert wrong != stack.url
    stack.use(wrong)
    said = stack.assert_refused(code)
    assert advice in said
    assert parsed(wrong).shown in said
    stack.assert_goes_on()


def test_the_driver_is_missing(stack):
    stack.monkeypatch.setitem(sys.modules, "psycopg", None)
    stack.monkeypatch.delitem(sys.modules, "provisioner.store.postgres.driver", raising=False)
    stack.monkeypatch.delattr(postgres, "driver", raising=False)
    assert "pip install 'provisioner[postgres]'" in stack.assert_refused("store-driver")
    stack.monkeypatch.delitem(sys.modules, "psycopg")
    stack.assert_goes_on()


class TestRights:
    def test_none_to_create_the_tables(self, stack):
        role = stack.server.new_role()
        stack.use_role(role)
        assert stack.run("plan").code == 0
        said = stack.assert_refused("store-forbidden", ("apply", "--auto-approve"))
        assert f'GRANT CREATE ON DATABASE "postgres" TO "{role}";' in said
        stack.assert_goes_on()

    @pytest.mark.parametrize("granted", ["", "GRANT USAGE ON SCHEMA $schema TO $role"])
    def test_none_on_the_schema_or_the_tables(self, bought, granted):
        role = bought.server.new_role()
        if granted:
            bought.execute(granted.replace("$role", role))
        bought.use_role(role)
        said = bought.assert_refused("store-forbidden")
        assert f'GRANT USAGE ON SCHEMA {bought.schema} TO "{role}"; GRANT SELECT, INSERT, UPDATE, DELETE ON' in said
        bought.assert_goes_on()

    def test_one_that_is_taken_away_in_the_middle(self, bought):
        bought.cli.write_specs(FOUR)
        fail_after(bought, 4, "42501")
        ran = bought.run("apply", "--auto-approve")
        assert ran.code == 7, ran.text
        assert "alpha: Left: under way in the cloud" in ran.text
        assert "is closed for the rest of this run: the role lacks a right" in ran.stderr_text
        end_of_fault(bought)
        bought.assert_goes_on("gateway", "alpha", "beta", "gamma")


def fail_after(stack: SharedStack, appends: int, sqlstate: str) -> None:
    """Let the database refuse every append after so many, those of the lease included."""
    for statement in (
        "CREATE SEQUENCE $schema.appends",
        "CREATE FUNCTION $schema.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "  # noqa: ISC004
        f"IF nextval('$schema.appends') > {appends} THEN RAISE EXCEPTION 'as the test says' USING ERRCODE = '{sqlstate}'; "
        "END IF; RETURN NEW; END $$",
        "CREATE TRIGGER fail BEFORE INSERT ON $schema.batches FOR EACH ROW EXECUTE FUNCTION $schema.fail()",
    ):
        stack.execute(statement)


def end_of_fault(stack: SharedStack) -> None:
    """End it, and let the lease that could not be released be as old as one that nobody renews."""
    stack.execute("DROP TRIGGER IF EXISTS fail ON $schema.batches")
    stack.execute("UPDATE $schema.batches SET written_at = written_at - interval '1 hour' WHERE log = 'lease'")


FAULTS = {"25006": "the database is read-only: as the test says", "53100": "the server has no room: as the test says"}
AFTER = {
    0: (1, "Error[lock-unusable]", "Without a lock nothing is bought."),
    1: (1, "Error[journal-full]", "nothing was sent for it"),
    4: (7, "alpha: Left: under way in the cloud (id ", "then run the same command again"),
    5: (7, "beta: Creation failed after 0s: BOUGHT (id ", "`provisioner resolve 'beta' --adopt "),
}
"""By the number of appends that succeed: the exit code, and what is said to be open, and to be done."""


@pytest.mark.parametrize(
    ("sqlstate", "appends"), [*((code, 5) for code in FAULTS), *(("25006", n) for n in AFTER if n != 5)]
)
def test_a_database_becomes_read_only_or_full_in_the_middle(bought, sqlstate, appends):
    code, is_open, advice = AFTER[appends]
    bought.cli.write_specs(FOUR)
    fail_after(bought, appends, sqlstate)
    ran = bought.run("apply", "--auto-approve")
    assert ran.code == code, ran.text
    assert FAULTS[sqlstate] in ran.stderr_text
    assert is_open in ran.stderr_text
    assert advice in ran.stderr_text
    end_of_fault(bought)
    bought.assert_goes_on("gateway", "alpha", "beta", "gamma")


def test_a_read_only_database_is_planned_and_not_applied(bought):
    database = bought.server.new_database()
    url = bought.url.replace("/postgres?", f"/{database}?")
    bought.use(url)
    bought.run("apply", "--auto-approve", "--allow", "all")
    bought.cli.write_specs("servers: {gateway: {name: other}}\n")
    bought.run("apply", "--auto-approve")
    before = bought.cli.bought()
    bought.cli.write_specs("servers: {gateway: {name: other}, alpha: {}}\n")
    bought.server.execute(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
    assert bought.run("plan").code == 0
    assert "the database is read-only" in bought.assert_refused("lock-unusable", ("apply", "--auto-approve"))
    bought.server.execute(f"ALTER DATABASE {database} RESET default_transaction_read_only")
    assert bought.cli.apply().code == 0
    assert bought.cli.bought() == [*before, "alpha"]


class TestRows:
    def test_of_another_stack(self, bought):
        for table, columns in {
            "logs": "log, last_sequence, last_hash, closed",
            "batches": "log, first_sequence, last_sequence, last_hash, closed, written_at, mentions, data",
            "checkpoints": "sequence, written_at, data",
        }.items():
            bought.execute(f"INSERT INTO $schema.{table} SELECT 'other', {columns} FROM $schema.{table}")  # noqa: S608
        bought.cli.write_stack(stack="other")
        before = bought.rows()
        said = bought.assert_refused("state-foreign")
        assert f"{bought.shown}#other is the state of demo, not of other" in said
        assert "set `state` of its rows back to demo" in said
        assert bought.rows() == before

    @pytest.mark.parametrize(
        ("edit", "code", "remedy"),
        [
            ("UPDATE $schema.batches SET data = 'x' WHERE log = 'journal' AND $last", "journal-damaged", "Restore the rows of the table batches"),
            ("DELETE FROM $schema.batches WHERE log = 'journal' AND $last", "state-older", "Restore the newest backup"),
            ("DELETE FROM $schema.checkpoints; DELETE FROM $schema.batches WHERE first_sequence = 1", "state-missing", "`provisioner state rebuild`"),
        ],
        ids=["edited", "deleted", "first"],
    )  # fmt: skip
    def test_that_were_edited_by_hand(self, bought, edit, code, remedy):
        last = "first_sequence = (SELECT max(first_sequence) FROM $schema.batches WHERE log = 'journal')"
        bought.execute("CREATE TABLE $schema.kept AS SELECT * FROM $schema.batches")
        for statement in edit.split(";"):
            bought.execute(statement.replace("$last", last))
        before = bought.rows()
        assert remedy in bought.assert_refused(code)
        assert bought.rows() == before
        bought.execute("DELETE FROM $schema.batches WHERE log = 'journal'")
        bought.execute("INSERT INTO $schema.batches SELECT * FROM $schema.kept WHERE log = 'journal'")
        bought.assert_goes_on()

    def test_of_the_lock_that_were_deleted_in_part(self, bought):
        """Two runs that are each faster than the other would try for ever."""
        bought.execute("DELETE FROM $schema.batches WHERE log = 'lease' AND first_sequence = 2")
        bought.execute("UPDATE $schema.batches SET written_at = written_at - interval '1 hour' WHERE log = 'lease'")
        said = bought.assert_refused("lock-unusable", ("apply", "--auto-approve"))
        assert "a part of it was deleted or restored" in said
        assert bought.run("plan").code == 0
        for table in ("batches", "logs"):
            bought.execute(f"DELETE FROM $schema.{table} WHERE log = 'lease'")  # noqa: S608
        bought.assert_goes_on()

    def test_an_edit_behind_the_checkpoint_is_found_by_verification(self, bought):
        bought.execute(
            "UPDATE $schema.batches SET data = convert_to(replace(convert_from(data, 'UTF8'), 'apply', 'appli'), 'UTF8') "
            "WHERE log = 'journal' AND first_sequence = 2"
        )
        assert bought.run("history", "--verify").code == 1


class TestLineage:
    """Another checkout has bought a server with the state that is lost. Names do not protect, because the specs have others."""

    @pytest.fixture
    def dropped(self, bought):
        bought.execute("DROP SCHEMA $schema CASCADE")
        bought.cli.write_specs("servers: {gateway: {name: second}}\n")
        return bought

    def test_a_state_that_is_gone_is_not_begun_anew_without_a_word(self, dropped):
        said = dropped.assert_refused("state-replaced", exit_code=4)
        assert f"you have seen the state at {dropped.shown}#demo with serial 1 and " in said
        assert "--allow state-replaced" in said
        assert dropped.run("apply", "--auto-approve", "--allow", "state-replaced").code == 0
        dropped.assert_goes_on("gateway", "second")

    def test_nor_is_one_trusted_that_somebody_else_has_begun_there(self, dropped):
        with dropped.monkeypatch.context() as colleague:
            colleague.setenv("XDG_STATE_HOME", str(dropped.cli.path / "colleague"))
            dropped.cli.apply()
        dropped.cli.write_specs("servers: {gateway: {name: second}, alpha: {}}\n")
        said = dropped.assert_refused("state-replaced", exit_code=4)
        assert "another one has been begun there" in said
        assert dropped.run("show").code == 0

    def test_it_can_be_pushed_back(self, bought):
        assert bought.run("state", "pull", "--out", "demo.pull").code == 0
        bought.execute("DROP SCHEMA $schema CASCADE")
        bought.cli.write_specs("servers: {gateway: {}, alpha: {}}\n")
        assert "Error[state-replaced]" in bought.run("plan").text
        assert bought.run("state", "push", "demo.pull").code == 0
        bought.assert_goes_on("gateway", "alpha")


class TestVersions:
    def test_newer_tables_are_refused_by_everybody(self, bought):
        bought.execute("UPDATE $schema.schema_version SET version = 99")
        said = bought.assert_refused("store-version", ("plan",), ("show",), ("apply", "--auto-approve"))
        assert "have version 99, and this version of the tool knows 1" in said
        assert "Install the version that the other runs use." in said
        bought.execute("UPDATE $schema.schema_version SET version = 1")
        bought.assert_goes_on()

    def test_older_tables_are_read_as_they_are_and_upgraded_by_an_apply(self, bought, monkeypatch):
        steps = (*postgres.schema.STEPS, "ALTER TABLE $schema.logs ADD COLUMN note text;")
        monkeypatch.setitem(postgres.backend.PostgresBackend.__init__.__kwdefaults__, "steps", steps)
        role = bought.server.new_role()
        bought.execute(f"GRANT USAGE ON SCHEMA $schema TO {role}")
        bought.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA $schema TO {role}")
        bought.cli.write_specs(FOUR)
        bought.use_role(role)
        assert "Plan: 3 to add" in bought.run("plan").out
        said = bought.assert_refused("store-forbidden", ("apply", "--auto-approve"))
        assert "may not create or upgrade the tables" in said
        assert bought.execute("SELECT version FROM $schema.schema_version") == [(1,)]
        bought.assert_goes_on("gateway", "alpha", "beta", "gamma")
        assert bought.execute("SELECT version FROM $schema.schema_version") == [(2,)]


READING = [
    ("plan",), ("show",), ("drift",), ("output",), ("history",), ("inventory", "--format", "json"), ("progress",), ("state", "list"),
    ("state", "pull"), ("state", "pull", "--out", "demo.pull"), ("doctor",),
]  # fmt: skip


def test_a_role_that_may_only_read_can_do_everything_but_apply(bought):
    role = bought.server.new_role()
    bought.execute(f"GRANT USAGE ON SCHEMA $schema TO {role}")
    bought.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA $schema TO {role}")
    before = bought.rows()
    bought.use_role(role)
    for command in READING:
        ran = bought.run(*command)
        assert ran.code == (1 if command == ("doctor",) else 0), ran.text
    assert "the role may read, and not write" in " ".join(ran.out.split())
    bought.cli.write_specs(FOUR)
    said = bought.assert_refused("store-forbidden", ("apply", "--auto-approve"), ("destroy", "--auto-approve"))
    tables = ", ".join(f"{bought.schema}.{table}" for table in TABLES)
    assert f'GRANT SELECT, INSERT, UPDATE, DELETE ON {tables} TO "{role}";' in said
    assert bought.rows() == before
    bought.execute(f"GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA $schema TO {role}")
    assert bought.cli.apply().code == 0, "the grants of the message are enough"
    bought.assert_goes_on("gateway", "alpha", "beta", "gamma")
