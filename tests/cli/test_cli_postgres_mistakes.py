"""Mistakes around a state in PostgreSQL: each gets one error that says what to do, shows no password, and loses nothing.

The sandbox's ledger tells what was bought. Every test ends with an apply that needs nothing but the fault's end.
"""

from __future__ import annotations

import sys

import pytest
from support.postgres_server import PASSWORD, free_port, required_server
from support.postgres_stores import parsed
from support.shared_stack import SharedStack

from provisioner.store import postgres

FOUR = "servers: {gateway: {}, alpha: {}, beta: {}, gamma: {}}\n"


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
    assert "pip install 'psycopg[binary]>=3.3'" in stack.assert_refused("store-driver")
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
