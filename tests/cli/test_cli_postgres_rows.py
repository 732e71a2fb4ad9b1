"""Rows in PostgreSQL that are not what they were: of another stack, edited, gone, of another version, or for reading only."""

from __future__ import annotations

import pytest
from support.shared_stack import TABLES

from provisioner.store import postgres

FOUR = "servers: {gateway: {}, alpha: {}, beta: {}, gamma: {}}\n"


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
