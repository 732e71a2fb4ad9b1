"""The contract of a store's logs, checkpoints and lock."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from provisioner.model.diagnostic import LockHeld
from provisioner.model.state import JournalHead
from provisioner.store.chain import link
from provisioner.store.contract import JOURNAL, START, Conflict, DamagedParts, LockType, NotInLog

from .conftest import HOLDER

LINEAGE = "a-lineage"


def batch(*texts, after=START, closing=False):
    entries = [{"type": "test", "text": text} for text in texts]
    return link(entries, lineage=LINEAGE, serial=1, head=after, time=1_700_000_000_000, closing=closing)


def content(log, at=START):
    return b"".join(log.read(at))


class TestLog:
    def test_a_log_that_was_never_begun_holds_nothing(self, store):
        assert tuple(store.log(JOURNAL).read()) == ()
        assert store.names() == ()

    def test_what_was_appended_is_there_for_every_reader(self, store, holding):
        first, head = batch("one", "two")
        second, end = batch("three", after=head)
        with holding() as hold:
            log = hold.log(JOURNAL)
            assert content(log) == b""
            assert log.append(START, first) == head
            assert content(store.log(JOURNAL)) == first
            assert log.append(head, second, sending=True) == end
        assert content(store.log(JOURNAL)) == first + second

    def test_another_run_goes_on_where_the_last_one_ended(self, store, holding):
        first, head = batch("one")
        second, _ = batch("two", after=head)
        for lines, after in ((first, START), (second, head)):
            with holding() as hold:
                content(hold.log(JOURNAL))
                hold.log(JOURNAL).append(after, lines)
        assert content(store.log(JOURNAL)) == first + second

    def test_reading_begins_with_the_record_that_is_asked_for(self, store, holding):
        lines, heads = [], [START]
        for text in ("one", "two", "x" * 100_000, "three"):
            line, head = batch(text, after=heads[-1])
            lines, heads = [*lines, line], [*heads, head]
        with holding() as hold:
            content(hold.log(JOURNAL))
            for line, after in zip(lines, heads, strict=False):
                hold.log(JOURNAL).append(after, line)
        for number, head in enumerate(heads[1:]):
            assert content(store.log(JOURNAL), head) == b"".join(lines[number:])

    def test_a_record_that_is_not_there_is_none_to_begin_with(self, store, holding):
        with pytest.raises(NotInLog):
            content(store.log(JOURNAL), JournalHead(1, "0" * 64))
        with holding() as hold:
            content(hold.log(JOURNAL))
            hold.log(JOURNAL).append(START, batch("one")[0])
        with pytest.raises(NotInLog):
            content(store.log(JOURNAL), JournalHead(1, "0" * 64))

    def test_nothing_is_appended_behind_a_head_that_is_not_the_last(self, store, holding):
        first, head = batch("one")
        with holding() as hold:
            content(hold.log(JOURNAL))
            hold.log(JOURNAL).append(START, first)
        for after in (START, JournalHead(1, "0" * 64)):
            with holding() as hold:
                content(hold.log(JOURNAL))
                with pytest.raises((Conflict, NotInLog)):
                    hold.log(JOURNAL).append(after, batch("other", after=after)[0])
        assert content(store.log(JOURNAL)) == first
        with holding() as hold:
            content(hold.log(JOURNAL))
            hold.log(JOURNAL).append(head, batch("two", after=head)[0])

    def test_who_has_got_round_the_lock_makes_the_next_append_a_conflict(self, store, holding):
        first, head = batch("one")
        theirs, _ = batch("theirs", after=head)
        with holding() as hold:
            log = hold.log(JOURNAL)
            content(log)
            log.append(START, first)
            other = store.log(JOURNAL)
            content(other)
            other.append(head, theirs)
            with pytest.raises(Conflict):
                log.append(head, batch("ours", after=head)[0])
            with pytest.raises(Conflict):
                log.append(head, batch("ours again", after=head)[0])
        assert content(store.log(JOURNAL)) == first + theirs

    def test_an_append_of_nothing_makes_sure_of_what_stands_there(self, holding):
        lines, head = batch("one")
        with holding() as hold:
            content(hold.log(JOURNAL))
            hold.log(JOURNAL).append(START, lines)
        with holding() as hold:
            content(hold.log(JOURNAL))
            assert hold.log(JOURNAL).append(head, b"") == head

    def test_two_logs_know_nothing_of_each_other(self, store, holding):
        ours, theirs = batch("one")[0], batch("two")[0]
        with holding() as hold:
            for name, lines in ((JOURNAL, ours), ("late", theirs)):
                content(hold.log(name))
                hold.log(name).append(START, lines)
        assert content(store.log(JOURNAL)) == ours
        assert content(store.log("late")) == theirs

    def test_behind_the_end_of_a_closed_log_nothing_is_ever_appended(self, store, holding):
        first, head = batch("one")
        last, end = batch("moved elsewhere", after=head, closing=True)
        more, _ = batch("more", after=end)
        with holding() as hold:
            log = hold.log(JOURNAL)
            content(log)
            log.append(START, first)
            log.close(head, last)
            with pytest.raises(Conflict):
                log.append(end, more)
        with holding() as hold:
            content(hold.log(JOURNAL))
            with pytest.raises(Conflict):
                hold.log(JOURNAL).append(end, more)
        assert content(store.log(JOURNAL)) == first + last


class TestCheckpoints:
    def test_there_is_none_at_first(self, store):
        assert store.checkpoint() is None
        assert store.checkpoint(1) is None

    def test_the_newest_comes_first_and_the_one_before_it_is_kept(self, store, holding):
        with holding() as hold:
            assert hold.checkpoint() is None
            hold.create_checkpoint(0, b"first")
            hold.create_checkpoint(3, b"second")
        assert store.checkpoint().data == b"second"
        assert store.checkpoint(1).data == b"first"
        assert store.checkpoint(2) is None
        with holding() as hold:
            hold.checkpoint()
            hold.create_checkpoint(7, b"third")
        assert [store.checkpoint(age).data for age in (0, 1)] == [b"third", b"second"]

    def test_a_damaged_state_is_replaced_and_kept_aside(self, store, holding):
        lines, head = batch("one")
        with holding() as hold:
            content(hold.log(JOURNAL))
            hold.log(JOURNAL).append(START, lines)
            hold.create_checkpoint(0, b"first")
            hold.create_checkpoint(1, b"second")
        anew, _ = batch("anew")
        with holding() as hold:
            aside = hold.replace(DamagedParts(b"second", b"first", lines), anew, b"third")
        assert aside
        assert store.checkpoint().data == b"third"
        assert store.checkpoint(1) is None
        assert content(store.log(JOURNAL)) == anew
        with pytest.raises(NotInLog):
            content(store.log(JOURNAL), head)

    def test_a_state_that_has_changed_is_not_replaced(self, store, holding):
        with holding() as hold:
            hold.create_checkpoint(0, b"first")
            with pytest.raises(Conflict):
                hold.replace(DamagedParts(b"another", None, None), batch("anew")[0], b"third")
        assert store.checkpoint().data == b"first"
        assert content(store.log(JOURNAL)) == b""


class TestLock:
    def test_one_holds_it_and_everybody_can_see_who(self, opened, store, holding):
        assert store.holder() is None
        with holding() as hold:
            assert hold.intrusion() is None
            assert opened("demo.dev").holder() == HOLDER
            with pytest.raises(LockHeld), holding(opened("demo.dev"), replace(HOLDER, who="bob@build")):
                pytest.fail("two held the lock")
            with holding(opened("demo.prod")):
                """Another state's lock is its own."""
        assert store.holder() is None

    def test_a_store_says_what_its_lock_is_and_how_it_ends(self, store):
        assert store.lock_type in LockType
        advice = store.unlock_advice(HOLDER)
        assert "ana@laptop" in advice.summary
        assert advice.hint


class TestPlace:
    def test_names_are_those_of_all_states_at_the_place(self, opened, holding):
        for label in ("demo.dev", "demo.prod"):
            with holding(opened(label)) as hold:
                hold.create_checkpoint(0, b"")
        with holding(opened("only-a-journal")) as hold:
            content(hold.log(JOURNAL))
            hold.log(JOURNAL).append(START, batch("one")[0])
        store = opened("demo.dev")
        assert store.names() == ("demo.dev", "demo.prod", "only-a-journal")
        assert store.sibling("demo.prod").words.label == "demo.prod"
        assert content(store.sibling("only-a-journal").log(JOURNAL)) == batch("one")[0]

    def test_a_store_has_words_for_all_that_a_person_may_have_to_do(self, store):
        words = store.words
        assert all(getattr(words, field.name) for field in fields(words))
        assert "other" in words.rename("other")
