"""Waiting for an append of another run: by a notification, and by looking where a pooler delivers none."""

from __future__ import annotations

import threading
import time

import pytest
from support.postgres_server import PgBouncer, bouncer_program, required_server, skip_or_fail
from support.postgres_stores import close_backends, open_backend, shared_store

from provisioner.store.chain import link
from provisioner.store.contract import JOURNAL, START, Conflict, DamagedParts
from provisioner.store.postgres.connection import Limits
from provisioner.store.words import LockHolder

LABEL = "demo.dev"
HOLDER = LockHolder(who="ana", pid=1, host="laptop", command="apply", since=1_700_000_000_000, id="ab12")


def chain(count):
    head = START
    for number in range(count):
        lines, end = link([{"type": "test", "n": number}], lineage="a-lineage", serial=1, head=head, time=1)
        yield head, lines
        head = end


@pytest.fixture(scope="module")
def bouncer():
    server = required_server()
    if bouncer_program() is None:
        skip_or_fail("pgbouncer is not installed: apt-get install pgbouncer")
    bouncer = PgBouncer(server)
    yield bouncer
    close_backends()
    bouncer.stop()


@pytest.fixture
def pooled(server, url, bouncer):
    return url.replace(f":{server.port}/", f":{bouncer.port}/")


def seconds_of(call):
    began_at = time.monotonic()
    call()
    return time.monotonic() - began_at


class TestNotifications:
    def test_an_append_ends_the_wait_at_once(self, url):
        writer, reader = open_backend(url), open_backend(url)
        one, two = chain(2)
        writer.log(LABEL, JOURNAL).append(*one)
        reader.wait(LABEL, 10)
        timer = threading.Timer(0.1, lambda: writer.log(LABEL, JOURNAL).append(*two))
        timer.start()
        assert 0.05 < seconds_of(lambda: reader.wait(LABEL, 10)) < 1.5
        timer.join()

    def test_what_was_appended_since_the_last_wait_ends_the_next_one(self, url):
        writer, reader = open_backend(url), open_backend(url)
        one, two = chain(2)
        writer.log(LABEL, JOURNAL).append(*one)
        reader.wait(LABEL, 10)
        writer.log(LABEL, JOURNAL).append(*two)
        assert seconds_of(lambda: reader.wait(LABEL, 10)) < 1.5

    def test_an_append_to_another_state_does_not(self, url):
        writer, reader = open_backend(url), open_backend(url)
        one, two = chain(2)
        writer.log("other", JOURNAL).append(*one)
        reader.wait(LABEL, 10)
        writer.log("other", JOURNAL).append(*two)
        assert seconds_of(lambda: reader.wait(LABEL, 0.2)) >= 0.2

    def test_it_never_raises(self, server, url):
        reader = open_backend(url, limits=Limits(statement=0.5, patience=0.0))
        reader.wait(LABEL, 0.1)
        server.end_connections("postgres")
        assert seconds_of(lambda: reader.wait(LABEL, 0.1)) < 2
        unreachable = open_backend("postgres://127.0.0.1:1/nowhere")
        assert 0.1 <= seconds_of(lambda: unreachable.wait(LABEL, 0.1)) < 2


class TestPooler:
    def test_everything_works_through_a_pooler_of_transactions(self, server, pooled, url):
        backend = open_backend(pooled)
        batches = [*chain(6)]
        for head, lines in batches[:3]:
            backend.log(LABEL, JOURNAL).append(head, lines, mentions=["id-1"])
        others = [open_backend(pooled) for _ in range(6)]
        assert {b"".join(one.log(LABEL, JOURNAL).read()) for one in others} == {
            b"".join(lines for _, lines in batches[:3])
        }
        backend.create_checkpoint(LABEL, 3, b"state")
        assert others[0].checkpoint(LABEL).data == b"state"
        assert others[1].mentions("x", ["id-1"]) == {LABEL: {"id-1"}}
        with pytest.raises(Conflict):
            others[2].log(LABEL, JOURNAL).append(*batches[1][:1], batches[2][1])
        journal = b"".join(lines for _, lines in batches[:3])
        backend.replace(LABEL, DamagedParts(b"state", None, journal), journal, b"anew")
        backend.move(LABEL, "moved", journal, journal + batches[3][1])
        assert open_backend(url).names() == ("moved",)

    def test_a_session_of_the_pooler_never_listens(self, pooled, url):
        writer, reader = open_backend(pooled), open_backend(pooled)
        one, two = chain(2)
        writer.log(LABEL, JOURNAL).append(*one)
        reader.wait(LABEL, 1)
        reader._watch._look_after = 0.05
        timer = threading.Timer(0.1, lambda: writer.log(LABEL, JOURNAL).append(*two))
        timer.start()
        assert seconds_of(lambda: reader.wait(LABEL, 10)) < 1.5
        timer.join()
        assert not reader._watch._is_listening
        direct = open_backend(url)
        direct.wait(LABEL, 1)
        assert direct._watch._is_listening

    def test_the_durability_of_one_append_is_no_setting_of_the_session(self, pooled):
        backend = open_backend(pooled)
        backend.log(LABEL, JOURNAL).append(*next(chain(1)))
        assert backend._main.run("SHOW synchronous_commit") == [("on",)]
        assert backend._main.run("SELECT source FROM pg_settings WHERE name = 'synchronous_commit'") == [("default",)]

    def test_a_lease_is_taken_and_renewed(self, pooled):
        store = shared_store(open_backend(pooled), LABEL)
        with store.lock(HOLDER, timeout=0) as held:
            time.sleep(0.4)  # longer than the lease of the tests
            assert held.intrusion() is None
            assert shared_store(open_backend(pooled), LABEL).holder() == HOLDER
        assert store.holder() is None
