"""Appends to a store behind a network that fails: nothing is confirmed that is not written, and nothing is written twice."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from support.builders import IDENTITY, a_purchase, a_run, an_intent
from support.memory_backend import Fault, MemoryLog, Place, shared_store

from provisioner.model.diagnostic import StoreError
from provisioner.model.journal import Answered, Intended
from provisioner.store import StateStore
from provisioner.store.clock import StoreClock
from provisioner.store.contract import JOURNAL


@pytest.fixture
def place():
    return Place()


@pytest.fixture
def clock():
    """Time passes only while somebody sleeps."""
    passed = [0.0]

    def sleep(seconds):
        passed[0] += seconds

    return StoreClock(elapsed=lambda: passed[0], sleep=sleep)


@pytest.fixture
def store(place, clock):
    return StateStore(shared_store(place, "demo.dev"), clock=clock)


@pytest.fixture
def running(place, store):
    """Opens a run with one server bought. `faults` hit its next appends, and no later run's."""

    @contextmanager
    def run(*faults):
        with store.write(command="apply", who="ana", timeout=0) as session:
            if session.state is None:
                session.create("demo", "dev", identity=IDENTITY)
                session.append(a_run(*a_purchase("one")))
            place.faults[JOURNAL] = list(faults)
            yield session
        place.faults.clear()

    return run


def addresses(store):
    return {str(address) for address in store.load().resources}


def purchases(store):
    return [record.entry.intent.id for record in store.history() if isinstance(record.entry, Intended)]


@pytest.mark.parametrize("fault", [Fault.LOST_REPLY, Fault.UNDECIDED, Fault.TORN])
def test_an_append_whose_outcome_is_unknown_is_made_again_and_stands_once(store, running, fault):
    with running(fault) as session:
        session.append(a_purchase("two"))
        session.append(a_purchase("three"))
        session.checkpoint()
    assert addresses(store) == {"one", "two", "three"}
    assert purchases(store) == ["intent-for-one", "intent-for-two", "intent-for-three"]


@pytest.mark.parametrize("fault", [Fault.LOST_REPLY, Fault.UNDECIDED, Fault.TORN])
def test_an_append_that_stays_unknown_for_a_minute_ends_the_run(store, running, clock, fault):
    with running(fault, *[Fault.UNDECIDED] * 99) as session:
        if fault is Fault.LOST_REPLY:
            session.append(a_purchase("two"))
        else:
            with pytest.raises(StoreError) as caught:
                session.append(a_purchase("two"))
            assert caught.value.diagnostics[0].code == "journal-not-durable"
            with pytest.raises(StoreError):
                session.append(a_purchase("three"))
            assert 60 <= clock.elapsed() < 70
    assert addresses(store) == ({"one", "two"} if fault is Fault.LOST_REPLY else {"one"})
    with running() as session:
        session.append(a_purchase("four"))
        session.checkpoint()
    assert "four" in addresses(store)


def test_what_found_no_room_may_be_appended_later(store, running):
    with running(Fault.NOT_WRITTEN) as session:
        with pytest.raises(StoreError) as caught:
            session.append([Intended(an_intent("two"))])
        assert caught.value.diagnostics[0].code == "journal-full"
        session.append(a_purchase("three"))
    assert addresses(store) == {"one", "three"}


def test_a_torn_record_is_nobodys(place, store, running):
    with running(Fault.TORN, *[Fault.UNDECIDED] * 99) as session, pytest.raises(StoreError):
        session.append(a_purchase("two"))
    assert addresses(store) == {"one"}
    assert store.verify().torn > 0
    with running() as session:
        session.append(a_purchase("three"))
    assert store.verify().torn == 0
    assert addresses(store) == {"one", "three"}


def test_who_was_fenced_confirms_nothing_and_sends_nothing_more(place, store, running):
    with running() as session:
        before = place.of("demo.dev").logs[JOURNAL]
        session.append(a_purchase("theirs"))
        place.foreign_batch = place.of("demo.dev").logs[JOURNAL][len(before) :]
        place.of("demo.dev").logs[JOURNAL] = before
    with running(Fault.FENCED) as session:
        with pytest.raises(StoreError) as caught:
            session.append([Intended(an_intent("ours"))])
        assert caught.value.diagnostics[0].code == "lock-lost"
        for entries in ([Intended(an_intent("ours"))], [Answered("intent-for-one", 200, id="another")]):
            with pytest.raises(StoreError):
                session.append(entries)
        with pytest.raises(StoreError):
            session.checkpoint()
    assert addresses(store) == {"one", "theirs"}
    assert store.load().in_doubt == ()


def test_a_checkpoint_is_believed_only_when_its_head_is_in_the_journal(place, store, running):
    with running() as session:
        session.append(a_purchase("two"))
        session.checkpoint()
        session.append(a_purchase("three"))
        session.checkpoint()
    kept = place.of("demo.dev")
    newest = max(kept.checkpoints)
    for strange in (b"", b"{}", kept.checkpoints[newest][:-9], kept.checkpoints[newest].replace(b"three", b"thref")):
        whole, kept.checkpoints[newest] = kept.checkpoints[newest], strange
        assert addresses(store) == {"one", "two", "three"}
        kept.checkpoints[newest] = whole
    kept.logs[JOURNAL] = kept.logs[JOURNAL][: kept.logs[JOURNAL].rfind(b"\n", 0, -1) + 1]
    assert store.load().head.sequence == newest - 1, "of a checkpoint that is ahead of its journal nothing is believed"


def test_without_any_checkpoint_the_journal_says_everything(place, store, running):
    with running() as session:
        session.append(a_purchase("two"))
        before = session.checkpoint()
        session.append(a_purchase("three"))
    place.of("demo.dev").checkpoints.clear()
    state = store.load()
    assert addresses(store) == {"one", "two", "three"}
    assert (state.stack, state.environment, state.identity) == ("demo", "dev", IDENTITY)
    assert (state.lineage, state.serial) == (before.lineage, before.serial)
    assert StateStore(shared_store(place, "demo.test")).siblings().states["demo.dev"] == state


def test_reading_begins_at_the_checkpoint(place, store, running, monkeypatch):
    with running() as session:
        for number in range(50):
            session.append(a_purchase(f"server-{number}"))
        session.checkpoint()
        session.append(a_purchase("last"))
    read = []
    original = MemoryLog.read
    monkeypatch.setattr(
        "support.memory_backend.MemoryLog.read",
        lambda self, *at: (read.append(piece) or piece for piece in original(self, *at)),
    )
    assert len(addresses(store)) == 52
    assert b"".join(read).count(b"\n") == 1 + len(a_purchase("last"))
