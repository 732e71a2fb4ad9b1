"""Appends to a log in PostgreSQL: one of two wins at every isolation level, and faults are told as what they are."""

from __future__ import annotations

import os
import threading
import time

import pytest
from support.depth import DEEP
from support.postgres_stores import open_backend
from support.tcp_proxy import Cut, TcpProxy

from provisioner.model.diagnostic import StoreError
from provisioner.store.chain import link
from provisioner.store.contract import JOURNAL, LATE, START, Conflict, NotWritten, Undecided
from provisioner.store.lease_record import LEASE
from provisioner.store.postgres.connection import Limits

LABEL = "demo.dev"
QUICK = Limits(statement=0.4, patience=0.0)
APPEND = b"synchronous_commit"
"""What an append sends, and nothing that reads."""


def batch(*texts, after=START, closing=False):
    entries = [{"type": "test", "text": text} for text in texts]
    return link(entries, lineage="a-lineage", serial=1, head=after, time=1_700_000_000_000, closing=closing)


def chain(*texts):
    """Return a batch for each text, with the head behind which it belongs."""
    head = START
    for text in texts:
        lines, end = batch(text, after=head)
        yield head, lines
        head = end


def content(backend, name=JOURNAL):
    return b"".join(backend.log(LABEL, name).read())


def raised(call):
    try:
        return call()
    except Exception as failure:  # noqa: BLE001 - whatever it is, a test looks at it
        return failure


@pytest.fixture
def proxied(server, url):
    """Returns a proxy before the server, and a function that opens backends behind it."""
    with TcpProxy(("127.0.0.1", server.port)) as proxy:
        through = url.replace(f":{server.port}/", f":{proxy.port}/")
        yield proxy, lambda limits=QUICK: open_backend(through, limits=limits)


class TestRaces:
    @pytest.mark.parametrize("level", ["read committed", "repeatable read", "serializable"])
    def test_of_two_appends_behind_one_head_exactly_one_wins(self, server, url, level):
        options = url + f"&options=-c%20default_transaction_isolation%3D{level.replace(' ', '%5C%20')}"
        backends = [open_backend(options) for _ in range(2)]
        rounds = 200 if DEEP else 30
        (_, first), *_ = chain("first")
        backends[0].log(LABEL, JOURNAL).append(START, first)
        heads = [batch("first")[1]]
        barrier = threading.Barrier(2, timeout=30)
        results: list[list[object]] = [[], []]

        def write(number):
            log = backends[number].log(LABEL, JOURNAL)
            for turn in range(rounds):
                head = heads[-1]
                lines, end = batch(f"{number} in {turn}", after=head)
                barrier.wait()
                try:
                    log.append(head, lines)
                except (Conflict, NotWritten) as refused:
                    results[number].append(refused)
                else:
                    results[number].append(lines)
                    heads.append(end)
                barrier.wait()

        threads = [threading.Thread(target=write, args=(number,)) for number in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        winners = [[one for one in turn if isinstance(one, bytes)] for turn in zip(*results, strict=True)]
        assert [len(turn) for turn in winners] == [1] * rounds
        assert content(backends[0]) == first + b"".join(turn[0] for turn in winners)
        losers = [one for turn in results for one in turn if not isinstance(one, bytes)]
        assert all(isinstance(one, Conflict) for one in losers)

    def test_of_two_first_appends_one_wins_although_both_create_the_tables(self, url):
        backends = [open_backend(url) for _ in range(4)]
        barrier, outcomes = threading.Barrier(4, timeout=30), []

        def begin(number):
            lines, _ = batch(str(number))
            barrier.wait()
            try:
                backends[number].log(LABEL, JOURNAL).append(START, lines)
            except Conflict:
                outcomes.append(b"")
            else:
                outcomes.append(lines)

        threads = [threading.Thread(target=begin, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(outcomes) == 4
        (won,) = [one for one in outcomes if one]
        assert content(backends[0]) == won

    def test_the_same_bytes_again_are_ones_own_and_stand_once(self, url):
        backend, other = open_backend(url), open_backend(url)
        for head, lines in chain("one", "two"):
            end = backend.log(LABEL, JOURNAL).append(head, lines)
            assert other.log(LABEL, JOURNAL).append(head, lines) == end
        assert content(backend) == b"".join(lines for _, lines in chain("one", "two"))

    def test_behind_a_closed_log_nothing_is_appended_by_anybody(self, url):
        backend = open_backend(url)
        last, end = batch("moved", closing=True)
        backend.log(LABEL, JOURNAL).close(START, last)
        backend.log(LABEL, JOURNAL).close(START, last)
        for after in (START, end):
            with pytest.raises(Conflict):
                open_backend(url).log(LABEL, JOURNAL).append(after, batch("more", after=after)[0])
        with pytest.raises(Conflict, match="closed"):
            backend.log(LABEL, JOURNAL).append(end, b"")


class TestFaultsOfTheNetwork:
    @pytest.mark.parametrize("is_first", [True, False])
    @pytest.mark.parametrize("cut", Cut)
    def test_a_connection_that_ends_at_an_append_leaves_it_undecided_until_it_is_made_again(
        self, proxied, cut, is_first
    ):
        proxy, opened = proxied
        log = opened().log(LABEL, JOURNAL)
        opened().create_checkpoint("other", 0, b"")
        standing = [] if is_first else [*chain("one")]
        for head, lines in standing:
            log.append(head, lines)
        assert b"".join(log.read()) == b"".join(lines for _, lines in standing)
        head, lines = [*chain("one", "two")][len(standing)]
        proxy.on(cut, APPEND)
        with pytest.raises(Undecided):
            log.append(head, lines)
        assert log.append(head, lines).sequence == head.sequence + 1
        assert b"".join(log.read()) == b"".join(lines for _, lines in [*standing, (head, lines)])

    @pytest.mark.parametrize("cut", [Cut.BEFORE, Cut.AFTER])
    def test_it_is_made_again_at_once_where_that_helps(self, proxied, cut):
        proxy, opened = proxied
        log = opened(Limits(statement=5.0, patience=5.0)).log(LABEL, JOURNAL)
        one, two = chain("one", "two")
        log.append(*one)
        proxy.on(cut, APPEND)
        log.append(*two)
        assert b"".join(log.read()) == one[1] + two[1]

    def test_what_may_have_been_written_never_counts_as_not_written(self, proxied, server):
        """The second attempt is refused before anything is sent, which says nothing about the first one."""
        proxy, opened = proxied
        log = opened().log(LABEL, JOURNAL)
        one, two = chain("one", "two")
        log.append(*one)
        proxy.on(Cut.AFTER, APPEND)
        with pytest.raises(Undecided):
            log.append(*two)
        proxy.upstream = ("127.0.0.1", 1)
        with pytest.raises(Undecided):
            log.append(*two)
        proxy.upstream = ("127.0.0.1", server.port)
        log.append(*two)
        assert b"".join(log.read()) == one[1] + two[1]

    def test_a_server_that_cannot_be_reached_has_written_nothing(self, proxied, server):
        proxy, opened = proxied
        log = opened().log(LABEL, JOURNAL)
        one, two = chain("one", "two")
        log.append(*one)
        proxy.upstream = ("127.0.0.1", 1)
        proxy.cut_all()
        with pytest.raises(Undecided):
            log.append(*two)  # it was sent into the old connection
        with pytest.raises(NotWritten, match="cannot reach"):
            log.append(one[0], batch("other")[0])
        proxy.upstream = ("127.0.0.1", server.port)
        log.append(*two)

    def test_a_network_that_swallows_everything_blocks_no_longer_than_a_statement_may_take(self, proxied):
        proxy, opened = proxied
        backend = opened()
        log = backend.log(LABEL, JOURNAL)
        one, two = chain("one", "two")
        log.append(*one)
        proxy.is_blackhole = True
        began_at = time.monotonic()
        with pytest.raises(Undecided, match="no answer in time"):
            log.append(*two)
        assert time.monotonic() - began_at < 2
        proxy.is_blackhole = False
        assert backend.log(LABEL, JOURNAL).append(*two).sequence == 2

    def test_a_large_answer_on_a_slow_network_takes_as_long_as_it_takes(self, proxied):
        proxy, opened = proxied
        data = bytes(range(256)) * 4000
        opened(Limits()).create_checkpoint(LABEL, 1, data)
        reader = opened()
        assert reader.names() == (LABEL,)
        proxy.pause = 0.04
        began_at = time.monotonic()
        assert reader.checkpoint(LABEL).data == data
        assert time.monotonic() - began_at > QUICK.statement

    def test_a_server_that_stands_still_blocks_no_longer_either(self, server, url):
        log = open_backend(url, limits=QUICK).log(LABEL, JOURNAL)
        one, two = chain("one", "two")
        log.append(*one)
        with server.suspended():
            began_at = time.monotonic()
            with pytest.raises(Undecided):
                log.append(*two)
            assert time.monotonic() - began_at < 2
        log.append(*two)
        assert b"".join(log.read()) == one[1] + two[1]

    def test_reading_goes_on_over_a_connection_that_was_ended(self, server, url):
        backend = open_backend(url)
        one, two = chain("one", "two")
        backend.log(LABEL, JOURNAL).append(*one)
        server.end_connections("postgres")
        assert content(backend) == one[1]
        server.end_connections("postgres")
        backend.log(LABEL, JOURNAL).append(*two)
        assert content(backend) == one[1] + two[1]

    def test_a_child_process_leaves_its_parents_connection_alone(self, url):
        backend = open_backend(url)
        one, two, three = chain("one", "two", "three")
        backend.log(LABEL, JOURNAL).append(*one)
        asked = "SELECT pg_backend_pid()"
        session = backend._main.run(asked)
        if (child := os.fork()) == 0:
            try:
                backend.log(LABEL, JOURNAL).append(*two)
                is_another = backend._main.run(asked) != session
                backend.close()
            finally:
                os._exit(0 if is_another else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert backend._main.run(asked) == session
        backend.log(LABEL, JOURNAL).append(*three)
        assert content(backend) == one[1] + two[1] + three[1]


class TestServer:
    def test_a_record_is_on_the_disk_although_the_role_does_not_wait_for_it(self, server, url):
        role = server.new_role("SUPERUSER")
        server.execute(f"ALTER ROLE {role} SET synchronous_commit = off")
        backend = open_backend(url.replace("owner:", f"{role}:"))
        backend.log(LABEL, JOURNAL).append(*next(chain("zero")))
        before = server.execute("SELECT pg_current_wal_flush_lsn() - '0/0'")[0][0]
        for head, lines in [*chain("zero", "one", "two")][1:]:
            backend.log(LABEL, JOURNAL).append(head, lines)
            inserted, flushed = server.execute(
                "SELECT pg_current_wal_insert_lsn() - '0/0', pg_current_wal_flush_lsn() - '0/0'"
            )[0]
            assert flushed > before
            assert inserted - flushed < 100
            before = flushed

    def test_a_commit_that_gave_up_waiting_for_its_standby_is_undecided_until_another_was_waited_for(self, server, url):
        backend = open_backend(url, limits=QUICK)
        one, two, three = chain("one", "two", "three")
        backend.log(LABEL, JOURNAL).append(*one)
        waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
        server.configure("synchronous_standby_names", "nobody")
        try:
            with pytest.raises(Undecided, match="no answer in time"):
                backend.log(LABEL, JOURNAL).append(*two)
            ((process,),) = server.execute(waiting)
            server.execute(f"SELECT pg_cancel_backend({process})", waits=False)
            patient = open_backend(url, limits=Limits(statement=20.0, patience=0.0)).log(LABEL, JOURNAL)
            outcomes = []
            thread = threading.Thread(target=lambda: outcomes.append(raised(lambda: patient.append(*three))))
            thread.start()
            until = time.monotonic() + 10
            while not (found := server.execute(waiting)) and time.monotonic() < until:
                time.sleep(0.01)
            server.execute(f"SELECT pg_cancel_backend({found[0][0]})", waits=False)
            thread.join()
            assert [type(outcome) for outcome in outcomes] == [Undecided]
            with pytest.raises(Undecided):
                backend.log(LABEL, JOURNAL).append(*three)  # it stands there, and is not safe yet
        finally:
            server.configure("synchronous_standby_names", "")
        backend.log(LABEL, JOURNAL).append(*three)
        assert content(backend) == one[1] + two[1] + three[1]

    def test_a_standby_is_read_only_where_the_user_says_so(self, server, url, monkeypatch):
        backend = open_backend(url)
        one, two = chain("one", "two")
        backend.log(LABEL, JOURNAL).append(*one)
        server.stop()
        (server.data / "standby.signal").touch()
        server.start()
        try:
            with pytest.raises(StoreError) as refused:
                content(open_backend(url))
            assert refused.value.diagnostics[0].code == "store-standby"
            monkeypatch.setenv("PGTARGETSESSIONATTRS", "any")
            backend = open_backend(url, limits=QUICK)
            assert content(backend) == one[1]
            with pytest.raises(NotWritten, match="read-only"):
                backend.log(LABEL, JOURNAL).append(*two)
        finally:
            server.stop()
            (server.data / "standby.signal").unlink()
            server.start()

    def test_a_restart_in_between_costs_nothing(self, server, url):
        backend = open_backend(url, limits=Limits(statement=5.0, patience=20.0))
        one, two = chain("one", "two")
        backend.log(LABEL, JOURNAL).append(*one)
        server.stop()
        appending = threading.Thread(target=lambda: backend.log(LABEL, JOURNAL).append(*two))
        appending.start()
        server.start()
        appending.join()
        assert content(backend) == one[1] + two[1]

    def test_after_a_failover_to_an_older_copy_the_next_append_conflicts(self, server, url):
        backend = open_backend(url)
        one, two, three = chain("one", "two", "three")
        backend.log(LABEL, JOURNAL).append(*one)
        server.stop()
        copy = server.copy_data()
        server.start()
        backend.log(LABEL, JOURNAL).append(*two)
        server.stop()
        server.restore_data(copy)
        server.start()
        with pytest.raises(Conflict):
            backend.log(LABEL, JOURNAL).append(*three)
        assert content(backend) == one[1]

    def test_a_read_only_database_has_written_nothing(self, server, url):
        role = server.new_role("SUPERUSER")
        backend = open_backend(url.replace("owner:", f"{role}:"), limits=QUICK)
        one, two = chain("one", "two")
        backend.log(LABEL, JOURNAL).append(*one)
        server.execute(f"ALTER ROLE {role} SET default_transaction_read_only = on")
        server.end_connections("postgres")
        for _ in range(3):
            with pytest.raises((NotWritten, Undecided)) as refused:
                backend.log(LABEL, JOURNAL).append(*two)
        assert type(refused.value) is NotWritten
        assert "read-only" in refused.value.reason or "accepts no changes" in refused.value.reason
        server.execute(f"ALTER ROLE {role} RESET default_transaction_read_only")
        backend.log(LABEL, JOURNAL).append(*two)

    @pytest.mark.parametrize(
        ("sqlstate", "outcome"),
        [("53100", NotWritten), ("53400", NotWritten), ("57014", NotWritten), ("40001", NotWritten), ("55P03", NotWritten),
         ("42501", StoreError), ("XX000", StoreError), ("08006", Undecided)],
    )  # fmt: skip
    def test_an_error_of_the_server_is_told_as_what_it_is(self, server, url, sqlstate, outcome):
        backend = open_backend(url, limits=QUICK)
        one, two = chain("one", "two")
        backend.log(LABEL, JOURNAL).append(*one)
        schema = url.partition("schema=")[2]
        server.execute(
            f"CREATE FUNCTION {schema}.fail() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION 'the trigger fails' USING ERRCODE = '{sqlstate}'; END $$"
        )
        server.execute(
            f"CREATE TRIGGER fail BEFORE INSERT ON {schema}.batches FOR EACH ROW EXECUTE FUNCTION {schema}.fail()"
        )
        with pytest.raises(outcome) as failed:
            backend.log(LABEL, JOURNAL).append(*two)
        assert "the trigger fails" in str(failed.value)
        server.execute(f"DROP TRIGGER fail ON {schema}.batches")
        assert content(backend) == one[1]
        backend.log(LABEL, JOURNAL).append(*two)

    def test_a_full_queue_of_notifications_stops_no_append(self, server, url):
        backend = open_backend(url)
        one, two = chain("one", "two")
        backend.log(LABEL, JOURNAL).append(*one)
        schema = url.partition("schema=")[2]
        server.execute(
            f"CREATE FUNCTION {schema}.pg_notify(text, text) RETURNS void LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'too many notifications' USING ERRCODE = '54000'; END $$"
        )
        crowded = open_backend(url + f"&options=-c%20search_path%3D{schema},pg_catalog")
        crowded.log(LABEL, JOURNAL).append(*two)
        assert content(backend) == one[1] + two[1]


class TestLogs:
    def test_reading_from_a_record_fetches_no_earlier_batch(self, url):
        backend = open_backend(url)
        log = backend.log(LABEL, JOURNAL)
        batches = [*chain(*map(str, range(20)))]
        for head, lines in batches:
            log.append(head, lines)
        pieces = [*backend.log(LABEL, JOURNAL).read(batches[18][0])]
        assert pieces == [batches[17][1], batches[18][1], batches[19][1]]

    def test_the_last_record_comes_with_its_age_by_the_clock_of_the_server(self, url):
        backend = open_backend(url)
        assert backend.log(LABEL, LEASE).last() is None
        lines, head = batch("one", "two")
        backend.log(LABEL, LEASE).append(START, lines)
        last = backend.log(LABEL, LEASE).last()
        assert last.line == lines.splitlines()[-1]
        assert 0 <= last.age < 5
        assert backend.names() == ()
        backend.log(LABEL, LATE).append(START, lines)
        assert backend.names() == (LABEL,)
        assert head.sequence == 2

    def test_of_the_lease_only_the_last_records_are_kept(self, server, url, monkeypatch):
        monkeypatch.setattr("provisioner.store.postgres.log.KEPT_LEASE_RECORDS", 10)
        monkeypatch.setattr("provisioner.store.postgres.log._TRIMMED_EVERY", 5)
        backend = open_backend(url)
        for name in (LEASE, JOURNAL):
            for head, lines in chain(*map(str, range(30))):
                backend.log(LABEL, name).append(head, lines)
        schema = url.partition("schema=")[2]
        rows = server.execute(
            f"SELECT log, count(*), max(last_sequence) FROM {schema}.batches GROUP BY log ORDER BY log"  # noqa: S608
        )
        assert rows == [(JOURNAL, 30, 30), (LEASE, 10, 30)]

    def test_tokens_are_found_in_other_states_in_one_query(self, url):
        backend = open_backend(url)
        lines, _ = batch("one")
        for label, tokens in (("demo.dev", ["id-1", "id-2"]), ("demo.prod", ["id-2", "id-3"]), ("demo.test", [])):
            backend.log(label, JOURNAL).append(START, lines, mentions=tokens)
        assert backend.mentions("demo.dev", ["id-1", "id-2", "id-3"]) == {"demo.prod": {"id-2", "id-3"}}
        assert backend.mentions("demo.test", ["id-2"]) == {"demo.dev": {"id-2"}, "demo.prod": {"id-2"}}
        assert backend.mentions("demo.test", []) == {}

    def test_every_append_is_one_statement(self, proxied):
        proxy, opened = proxied
        backend = opened(Limits())
        log = backend.log(LABEL, JOURNAL)
        one, *others = chain(*map(str, range(10)))
        log.append(*one)
        proxy.seen.clear()
        for head, lines in others:
            log.append(head, lines)
        assert len(proxy.seen) == len(others)
