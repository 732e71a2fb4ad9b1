"""A repair and a move in PostgreSQL: whole or not at all, whatever is cut, and never past an append of another run."""

from __future__ import annotations

from contextlib import suppress

import pytest
from support.postgres_stores import open_backend
from support.tcp_proxy import Cut, TcpProxy

from provisioner.store.chain import link
from provisioner.store.contract import JOURNAL, LATE, START, Conflict, DamagedParts, NotDone, Undecided
from provisioner.store.lease_record import LEASE
from provisioner.store.postgres.connection import Limits

QUICK = Limits(statement=0.5, patience=0.0)


def batch(text, after=START):
    return link([{"type": "test", "text": text}], lineage="a-lineage", serial=1, head=after, time=1)


ONE, HEAD = batch("one")
TWO, END = batch("two", after=HEAD)
RENAMED, _ = batch("renamed", after=END)


def schema_of(url):
    return b'"%b"' % url.partition("schema=")[2].encode()


@pytest.fixture
def backend(url):
    """A state with a journal of two batches, a late answer, a lease and two checkpoints."""
    backend = open_backend(url)
    backend.log("old", JOURNAL).append(START, ONE, mentions=["id-1"])
    backend.log("old", JOURNAL).append(HEAD, TWO, mentions=["id-2"])
    backend.log("old", LATE).append(START, ONE)
    for label in ("old", "new"):
        backend.log(label, LEASE).append(START, ONE)
    for sequence in (0, 2):
        backend.create_checkpoint("old", sequence, b"%d" % sequence)
    return backend


def content(backend, label, log=JOURNAL):
    return b"".join(backend.log(label, log).read())


def whole(backend, label):
    return (
        *(content(backend, label, log) for log in (JOURNAL, LATE)),
        *(getattr(backend.checkpoint(label, age), "data", None) for age in (0, 1)),
    )


class TestMove:
    def test_everything_moves_but_the_lease(self, backend):
        backend.move("old", "new", ONE + TWO, ONE + TWO + RENAMED)
        assert whole(backend, "new") == (ONE + TWO + RENAMED, ONE, b"2", b"0")
        assert whole(backend, "old") == (b"", b"", None, None)
        assert backend.names() == ("new",)
        assert backend.mentions("other", ["id-1", "id-2"]) == {"new": {"id-1", "id-2"}}
        assert content(backend, "old", LEASE) == content(backend, "new", LEASE) == ONE
        _, last = batch("renamed", after=END)
        assert backend.log("new", JOURNAL).append(last, b"") == last

    @pytest.mark.parametrize("part", [JOURNAL, LATE, "checkpoint"])
    def test_not_to_where_anything_is_kept(self, backend, part):
        if part == "checkpoint":
            backend.create_checkpoint("new", 0, b"")
        else:
            backend.log("new", part).append(START, ONE)
        with pytest.raises(Conflict):
            backend.move("old", "new", ONE + TWO, ONE + TWO + RENAMED)
        assert whole(backend, "old") == (ONE + TWO, ONE, b"2", b"0")

    def test_not_when_another_run_has_appended(self, backend):
        for before in (ONE, None):
            with pytest.raises(Conflict):
                backend.move("old", "new", before, (before or b"") + RENAMED)
        assert whole(backend, "old") == (ONE + TWO, ONE, b"2", b"0")

    def test_who_still_writes_under_the_old_label_conflicts(self, backend, url):
        writer = open_backend(url).log("old", JOURNAL)
        assert b"".join(writer.read()) == ONE + TWO
        backend.move("old", "new", ONE + TWO, ONE + TWO + RENAMED)
        with pytest.raises(Conflict):
            writer.append(END, batch("three", after=END)[0])
        assert content(backend, "old") == b""

    def test_an_append_never_gets_between_its_steps(self, backend, server, url):
        """An append that comes while a move has looked and not written yet waits for it, and then finds the state gone."""
        writer, outcomes = open_backend(url, limits=QUICK).log("old", JOURNAL), []
        assert b"".join(writer.read()) == ONE + TWO

        def write():
            try:
                outcomes.append(writer.append(END, batch("three", after=END)[0]))
            except NotDone as outcome:
                outcomes.append(type(outcome))

        with TcpProxy(("127.0.0.1", server.port)) as proxy:
            proxy.before(b"UPDATE $schema.logs SET state".replace(b"$schema", schema_of(url)), write)
            moving = open_backend(url.replace(f":{server.port}/", f":{proxy.port}/"))
            moving.move("old", "new", ONE + TWO, ONE + TWO + RENAMED)
        write()
        assert outcomes == [Undecided, Conflict]
        assert content(backend, "old") == b""
        assert content(backend, "new") == ONE + TWO + RENAMED

    @pytest.mark.parametrize("cut", [Cut.BEFORE, Cut.AFTER])
    def test_a_cut_at_any_step_leaves_all_of_it_under_one_label(self, backend, server, url, cut):
        for nth in range(1, 30):
            with TcpProxy(("127.0.0.1", server.port)) as proxy:
                cut_off = open_backend(url.replace(f":{server.port}/", f":{proxy.port}/"), limits=QUICK)
                cut_off.names()
                proxy.on(cut, b"", nth=nth)
                with suppress(NotDone):
                    cut_off.move("old", "new", ONE + TWO, ONE + TWO + RENAMED)
                is_cut = not proxy.has_rules
            moved = (ONE + TWO + RENAMED, ONE, b"2", b"0")
            if whole(backend, "new") == moved:
                assert whole(backend, "old") == (b"", b"", None, None)
                assert nth > 5
                break
            assert is_cut
            assert whole(backend, "old") == (ONE + TWO, ONE, b"2", b"0")
            assert whole(backend, "new") == (b"", b"", None, None)
        else:
            pytest.fail("it never came to its end")


class TestReplace:
    def test_the_damaged_parts_are_kept_under_dated_names(self, backend):
        kept = backend.replace("old", DamagedParts(b"2", b"0", ONE + TWO), ONE, b"anew", mentions=["id-1"])
        assert len(kept) == 3
        assert [content(backend, "old", name) for name in kept] == [ONE + TWO, b"2", b"0"]
        assert whole(backend, "old") == (ONE, ONE, b"anew", None)
        assert backend.mentions("other", ["id-1", "id-2"]) == {"old": {"id-1"}}
        assert backend.names() == ("old",)
        backend.log("old", JOURNAL).append(HEAD, TWO)

    def test_a_large_journal_becomes_several_rows_and_is_read_from_any_record(self, backend, monkeypatch):
        monkeypatch.setattr("provisioner.store.postgres.moves._ROW_SIZE", 400)
        entries = [{"type": "test", "n": number} for number in range(12)]
        journal, end = link(entries, lineage="a-lineage", serial=1, head=START, time=1)
        backend.replace("old", DamagedParts(b"2", b"0", ONE + TWO), journal, b"anew", mentions=["id-1"])
        assert len([*backend.log("old", JOURNAL).read()]) == 6
        assert content(backend, "old") == journal
        sixth = link(entries[:6], lineage="a-lineage", serial=1, head=START, time=1)[1]
        assert b"".join(backend.log("old", JOURNAL).read(sixth)) == b"".join(journal.splitlines(keepends=True)[5:])
        backend.log("old", JOURNAL).append(end, batch("more", after=end)[0])

    @pytest.mark.parametrize(
        "before",
        [DamagedParts(b"x", b"0", ONE + TWO), DamagedParts(b"2", None, ONE + TWO), DamagedParts(b"2", b"0", ONE), DamagedParts(b"2", b"0", None)],
    )  # fmt: skip
    def test_not_when_a_part_has_changed(self, backend, before):
        with pytest.raises(Conflict):
            backend.replace("old", before, ONE, b"anew")
        assert whole(backend, "old") == (ONE + TWO, ONE, b"2", b"0")

    def test_a_cut_commit_is_undecided_and_whole(self, backend, server, url):
        with TcpProxy(("127.0.0.1", server.port)) as proxy:
            cut_off = open_backend(url.replace(f":{server.port}/", f":{proxy.port}/"), limits=QUICK)
            proxy.on(Cut.AFTER, b"COMMIT\0")
            with pytest.raises(Undecided):
                cut_off.replace("old", DamagedParts(b"2", b"0", ONE + TWO), ONE, b"anew")
        assert whole(backend, "old") == (ONE, ONE, b"anew", None)


class TestCheckpoints:
    def test_only_the_newest_ones_are_kept(self, backend):
        for sequence in range(3, 20):
            backend.create_checkpoint("old", sequence, b"%d" % sequence)
        ages = [getattr(backend.checkpoint("old", age), "data", None) for age in range(12)]
        assert ages[:3] == [b"19", b"18", b"17"]
        assert ages[10:] == [None, None]

    @pytest.mark.parametrize("cut", Cut)
    def test_one_whose_reply_is_lost_is_made_again(self, backend, server, url, cut):
        with TcpProxy(("127.0.0.1", server.port)) as proxy:
            cut_off = open_backend(url.replace(f":{server.port}/", f":{proxy.port}/"), limits=QUICK)
            cut_off.names()
            proxy.on(cut, b"INSERT")
            with pytest.raises(Undecided):
                cut_off.create_checkpoint("old", 5, b"five")
            cut_off.create_checkpoint("old", 5, b"five")
            with pytest.raises(Conflict):
                cut_off.create_checkpoint("old", 5, b"other")
        assert backend.checkpoint("old").data == b"five"
