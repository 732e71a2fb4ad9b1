"""The tables: created by the first write, upgraded by a writer, refused when they are newer, and used with few rights."""

from __future__ import annotations

import threading

import pytest
from support.postgres_stores import open_backend

from provisioner.model.diagnostic import StoreError
from provisioner.store.chain import link
from provisioner.store.contract import JOURNAL, START, DamagedParts
from provisioner.store.postgres.schema import STEPS

LABEL = "demo.dev"
LINES, HEAD = link([{"type": "test"}], lineage="a-lineage", serial=1, head=START, time=1)
MORE, _ = link([{"type": "test"}], lineage="a-lineage", serial=1, head=HEAD, time=1)
NEXT_STEP = "ALTER TABLE $schema.logs ADD COLUMN note text NOT NULL DEFAULT 'none'"
"""A step that a later version of the tool may add."""


@pytest.fixture
def as_role(server, url):
    """Returns a function that opens a backend as a new role, and says the name of the role."""

    def opened(attributes=""):
        role = server.new_role(attributes)
        return role, open_backend(url.replace("owner:", f"{role}:"))

    return opened


def version(server, url):
    return server.execute(f"SELECT version FROM {url.partition('schema=')[2]}.schema_version")  # noqa: S608 - of a test


def code(call):
    with pytest.raises(StoreError) as caught:
        call()
    return caught.value.diagnostics[0].code


def written(backend):
    backend.log(LABEL, JOURNAL).append(START, LINES)


def content(backend):
    return b"".join(backend.log(LABEL, JOURNAL).read())


class TestVersions:
    def test_reading_creates_nothing(self, server, url):
        backend = open_backend(url)
        assert backend.names() == ()
        assert backend.checkpoint(LABEL) is None
        assert backend.log(LABEL, JOURNAL).last() is None
        assert content(backend) == b""
        assert backend.mentions(LABEL, ["id"]) == {}
        schema = url.partition("schema=")[2]
        assert server.execute(f"SELECT 1 FROM pg_namespace WHERE nspname = '{schema}'") == []  # noqa: S608 - of a test

    def test_several_first_runs_create_the_tables_once(self, server, url):
        backends = [open_backend(url) for _ in range(6)]
        barrier, failures = threading.Barrier(6, timeout=30), []

        def begin(number):
            barrier.wait()
            try:
                backends[number].create_checkpoint(f"stack-{number}", 0, b"state")
            except BaseException as failure:  # noqa: BLE001 - a thread's failure is looked at here
                failures.append(failure)

        threads = [threading.Thread(target=begin, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert len(backends[0].names()) == 6
        assert version(server, url) == [(len(STEPS),)]

    def test_older_tables_are_read_by_a_reader_and_upgraded_by_a_writer(self, server, url):
        written(open_backend(url))
        newer = open_backend(url, steps=(*STEPS, NEXT_STEP))
        assert content(newer) == LINES
        assert newer.names() == (LABEL,)
        assert version(server, url) == [(len(STEPS),)]
        newer.log(LABEL, JOURNAL).append(HEAD, MORE)
        assert version(server, url) == [(len(STEPS) + 1,)]
        assert content(newer) == LINES + MORE

    def test_newer_tables_are_refused_and_left_alone(self, server, url):
        written(open_backend(url, steps=(*STEPS, NEXT_STEP)))
        backend = open_backend(url)
        assert code(lambda: content(backend)) == "store-version"
        assert code(lambda: backend.log(LABEL, JOURNAL).append(HEAD, MORE)) == "store-version"
        assert code(lambda: backend.create_checkpoint(LABEL, 0, b"")) == "store-version"
        assert code(backend.names) == "store-version"
        assert content(open_backend(url, steps=(*STEPS, NEXT_STEP))) == LINES

    def test_an_upgrade_that_fails_changes_nothing(self, server, url):
        written(open_backend(url))
        broken = open_backend(url, steps=(*STEPS, f"{NEXT_STEP}; ALTER TABLE $schema.logs DROP COLUMN missing"))
        assert code(lambda: broken.log(LABEL, JOURNAL).append(HEAD, MORE)) == "store-unreadable"
        assert version(server, url) == [(len(STEPS),)]
        open_backend(url).log(LABEL, JOURNAL).append(HEAD, MORE)

    def test_tables_of_somebody_else_are_not_used(self, server, url):
        schema = url.partition("schema=")[2]
        server.execute(f"CREATE SCHEMA {schema}; CREATE TABLE {schema}.logs (line text)")
        assert code(lambda: written(open_backend(url))) == "store-unreadable"
        assert server.execute(f"SELECT count(*) FROM pg_class WHERE relnamespace = '{schema}'::regnamespace") == [(1,)]  # noqa: S608


class TestRights:
    def test_a_role_that_may_only_read_reads_everything_and_writes_nothing(self, server, url, as_role):
        owner = open_backend(url)
        owner.log(LABEL, JOURNAL).append(START, LINES, mentions=["id-1"])
        owner.create_checkpoint(LABEL, 1, b"state")
        role, backend = as_role()
        assert code(lambda: content(backend)) == "store-forbidden"
        server.execute(owner.grants(role, read_only=True))
        assert content(backend) == LINES
        assert backend.checkpoint(LABEL).data == b"state"
        assert backend.names() == (LABEL,)
        assert backend.mentions("other", ["id-1"]) == {LABEL: {"id-1"}}
        backend.wait(LABEL, 0.01)
        with pytest.raises(StoreError) as caught:
            backend.log(LABEL, JOURNAL).append(HEAD, MORE)
        (refusal,) = caught.value.diagnostics
        assert refusal.code == "store-forbidden"
        assert f"GRANT SELECT, INSERT, UPDATE, DELETE ON {url.partition('schema=')[2]}.logs" in refusal.hint
        assert f'TO "{role}"' in refusal.hint
        assert content(owner) == LINES

    def test_the_grants_of_a_message_are_all_that_a_writer_needs(self, server, url, as_role):
        written(open_backend(url))
        role, backend = as_role()
        server.execute(open_backend(url).grants(role, read_only=False))
        backend.log(LABEL, JOURNAL).append(HEAD, MORE, mentions=["id-1"])
        backend.create_checkpoint(LABEL, 2, b"state")
        backend.create_checkpoint(LABEL, 2, b"state")
        backend.replace(LABEL, DamagedParts(b"state", None, LINES + MORE), LINES, b"again")
        backend.move(LABEL, "moved", LINES, LINES + MORE)
        assert backend.names() == ("moved",)
        assert backend.mentions("other", ["id-1"]) == {}

    def test_a_role_that_may_create_nothing_is_told_what_to_ask_for(self, as_role):
        role, backend = as_role()
        with pytest.raises(StoreError) as caught:
            written(backend)
        (refusal,) = caught.value.diagnostics
        assert refusal.code == "store-forbidden"
        assert f'GRANT CREATE ON DATABASE "postgres" TO "{role}";' in refusal.hint

    def test_rights_on_rows_keep_a_role_to_its_own_states(self, server, url, as_role):
        owner = open_backend(url)
        for label in (LABEL, "other.dev"):
            owner.log(label, JOURNAL).append(START, LINES, mentions=[label])
        role, backend = as_role()
        server.execute(owner.grants(role, read_only=False))
        schema = url.partition("schema=")[2]
        for table in ("logs", "batches", "checkpoints"):
            server.execute(f"ALTER TABLE {schema}.{table} ENABLE ROW LEVEL SECURITY")
            server.execute(f"CREATE POLICY own ON {schema}.{table} TO {role} USING (state LIKE 'other.%')")
        assert backend.names() == ("other.dev",)
        assert content(backend) == b""
        backend.log("other.dev", JOURNAL).append(HEAD, MORE)
        assert code(lambda: backend.log("mine.dev", JOURNAL).append(START, LINES)) == "store-forbidden"
        assert backend.mentions("x", [LABEL, "other.dev"]) == {"other.dev": {"other.dev"}}
