"""The address of a state in PostgreSQL, and what a person is told when no connection comes about."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from support.postgres_server import PASSWORD, free_port, missing, skip_or_fail
from support.postgres_stores import close_backends, new_url, open_backend, parsed
from support.tcp_proxy import TcpProxy

from provisioner.model.diagnostic import StoreError, UsageError
from provisioner.store.chain import link
from provisioner.store.contract import JOURNAL, START, NotWritten
from provisioner.store.postgres.address import PostgresAddress, address_of
from provisioner.store.postgres.backend import PostgresBackend
from provisioner.store.postgres.connection import Limits

LINES, HEAD = link([{"type": "test"}], lineage="a-lineage", serial=1, head=START, time=1)
QUICK = Limits(statement=0.5, patience=0.0)


@pytest.fixture(autouse=True)
def driver(monkeypatch):
    if reason := missing():
        skip_or_fail(reason)
    for name in ("PGPASSWORD", "PGHOST", "PGUSER", "PGDATABASE", "PGTARGETSESSIONATTRS", "PGSERVICE", "PGAPPNAME"):
        monkeypatch.delenv(name, raising=False)
    yield
    close_backends()


def refusal(call):
    with pytest.raises((StoreError, UsageError)) as caught:
        call()
    (found,) = caught.value.diagnostics
    text = f"{found.summary} {found.hint}"
    assert PASSWORD not in text
    assert PASSWORD.replace(" ", "%20") not in text
    assert "\n" not in text
    return found


class TestAddress:
    @pytest.mark.parametrize(
        "url",
        [
            "postgres://ana:secret@db.example:6432/team?sslmode=verify-full",
            "postgres:///team?host=/run/postgresql&password=secret",
            "postgres://?service=team&sslpassword=secret",
        ],
    )
    def test_it_is_shown_without_what_is_secret(self, url):
        address = address_of(parsed(url))
        assert str(address) == parsed(url).shown
        assert "secret" not in repr(address)
        assert "secret" not in PostgresBackend(parsed(url)).words("demo").journal
        assert address.masked("no secret\n is \x1b[31mtold") == "no *** is \\x1b[31mtold"

    @pytest.mark.parametrize("schema", ["public", "information_schema"])
    def test_a_schema_is_for_states_alone(self, schema):
        assert refusal(lambda: address_of(parsed(f"postgres://db/team?schema={schema}"))).code == "state-place-invalid"

    def test_what_the_user_says_is_not_overruled(self, monkeypatch):
        address = PostgresAddress("shown", {"host": "db", "connect_timeout": "3"})
        assert address.connection_parameters(is_writing=False)["connect_timeout"] == "3"
        assert address.connection_parameters(is_writing=False)["target_session_attrs"] == "primary"
        assert address.connection_parameters(is_writing=True)["target_session_attrs"] == "read-write"
        monkeypatch.setenv("PGTARGETSESSIONATTRS", "any")
        assert "target_session_attrs" not in address.connection_parameters(is_writing=True)
        service = PostgresAddress("shown", {"service": "team"})
        monkeypatch.delenv("PGTARGETSESSIONATTRS")
        assert "target_session_attrs" not in service.connection_parameters(is_writing=False)

    @pytest.mark.parametrize("label", ["", "a/b", "a\nb", "x" * 201])
    def test_a_label_is_a_plain_name(self, label):
        assert refusal(lambda: PostgresBackend(parsed("postgres://db/team")).checkpoint(label)).code == "store-label"

    def test_a_missing_driver_is_told_with_the_command_that_installs_it(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "psycopg", None)
        monkeypatch.delitem(sys.modules, "provisioner.store.postgres.driver", raising=False)
        monkeypatch.delattr("provisioner.store.postgres.driver", raising=False)
        found = refusal(PostgresBackend(parsed("postgres://db/team")).names)
        assert found.code == "store-driver"
        assert f"{sys.executable} -m pip install 'psycopg[binary]>=3.3'" in found.hint


class TestNoConnection:
    def code_of(self, url):
        backend = open_backend(url)
        found = refusal(backend.names)
        assert refusal(lambda: backend.log("demo", JOURNAL).last()).code == found.code
        return found.code

    def test_a_wrong_password(self, server):
        assert self.code_of(f"postgres://owner:wrong@127.0.0.1:{server.port}/postgres") == "store-login"

    def test_a_wrong_user(self, server):
        assert self.code_of(f"postgres://nobody:x@127.0.0.1:{server.port}/postgres") == "store-login"

    def test_no_password(self, server, monkeypatch):
        monkeypatch.setenv("PGPASSFILE", "/dev/null")
        assert self.code_of(f"postgres://owner@127.0.0.1:{server.port}/postgres") == "store-login"

    def test_a_password_from_the_environment(self, server, monkeypatch):
        monkeypatch.setenv("PGPASSWORD", PASSWORD)
        backend = open_backend(f"postgres://owner@127.0.0.1:{server.port}/postgres?schema=empty")
        assert backend.names() == ()

    def test_a_database_that_is_not_there(self, server):
        assert self.code_of(server.url("missing")) == "store-login"

    def test_a_host_that_is_not_there(self):
        assert self.code_of("postgres://db.invalid/team") == "store-unreachable"

    def test_a_port_where_nobody_listens(self):
        assert self.code_of(f"postgres://127.0.0.1:{free_port()}/team") == "store-unreachable"

    def test_a_server_that_never_answers(self, server):
        with TcpProxy(("127.0.0.1", server.port)) as proxy:
            proxy.is_blackhole = True
            url = server.url(port=proxy.port) + "?connect_timeout=1"
            assert refusal(open_backend(url).names).code == "store-unreachable"

    def test_a_server_without_tls(self, server):
        assert self.code_of(server.url() + "?sslmode=verify-full") == "store-tls"

    def test_no_more_connections(self, server):
        role = server.new_role("CONNECTION LIMIT 1")
        url = server.url(user=role)
        holding = open_backend(url)
        assert holding.names() == ()
        found = refusal(open_backend(url, limits=QUICK).names)
        assert found.code == "store-busy"
        with pytest.raises(NotWritten):
            open_backend(url, limits=QUICK).log("demo", JOURNAL).append(START, LINES)

    def test_a_server_that_is_not_the_primary(self, server):
        """A role whose sessions are read-only, where the address asks for a server that accepts changes."""
        role = server.new_role()
        server.execute(f"ALTER ROLE {role} SET default_transaction_read_only = on")
        assert self.code_of(server.url(user=role) + "?target_session_attrs=read-write") == "store-standby"

    def test_an_answer_with_control_characters_is_shown_on_one_line(self, server):
        url = new_url(server)
        schema = url.partition("schema=")[2]
        server.execute(
            f"CREATE SCHEMA {schema}; CREATE FUNCTION {schema}.bad() RETURNS integer LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION E'red \\x1b[31m\\nnext line'; END $$;"
            f"CREATE VIEW {schema}.schema_version AS SELECT {schema}.bad() AS version"
        )
        found = refusal(open_backend(url).names)
        assert "\x1b" not in found.summary
        assert "red" in found.summary


class TestMemory:
    def test_a_large_journal_is_read_with_little_more_than_its_own_memory(self, server):
        url = new_url(server)
        log, head, size = open_backend(url).log("demo", JOURNAL), START, 0
        text = "x" * 500_000
        for number in range(20):
            lines, end = link([{"type": "test", "text": text, "n": number}], lineage="l", serial=1, head=head, time=1)
            log.append(head, lines)
            head, size = end, size + len(lines)
        script = (
            "import resource, sys; from support.postgres_stores import open_backend;"
            "backend = open_backend(sys.argv[1]); backend.names();"
            "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
            "size = sum(map(len, backend.log('demo', 'journal').read()));"
            "print(size, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
        )
        path = os.pathsep.join(filter(None, sys.path))
        done = subprocess.run(
            [sys.executable, "-c", script, url],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONPATH": path},
        )
        found, kilobytes = map(int, done.stdout.split())
        assert found == size
        assert kilobytes * 1024 < 1.6 * size
