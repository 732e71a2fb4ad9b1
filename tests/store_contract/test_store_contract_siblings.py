"""What another state at the same place holds is found without its lock; where there is an index, nothing else is read."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.builders import a_purchase, a_recorded, a_release, a_run, a_state, an_intent

from provisioner.model.journal import Answered, Imported, Intended, Renamed, RunEnded, RunStarted
from provisioner.store import StateStore, id_tokens, name_tokens, siblings
from provisioner.store.contract import JOURNAL, LATE, LockType
from provisioner.store.late_answers import write_late

from .conftest import HOLDER

OURS, THEIRS = "demo.dev", "demo.prod"


@pytest.fixture
def theirs(opened, writing):
    """A state that holds a server, of which only the journal knows, and waits for the outcome of a purchase."""
    with writing(opened(THEIRS)) as session:
        session.append(a_run(*a_purchase("gone"), a_release("gone"), *a_purchase("web")))
        session.checkpoint()
        session.append([Imported(a_recorded("late", id="Imported-1", order_id="CS9"), "named")])
        session.append([Intended(an_intent("doubtful"))])
    return opened(THEIRS)


@pytest.fixture
def ours(theirs, opened):
    return StateStore(opened(OURS))


@pytest.fixture
def read(monkeypatch):
    """The labels of the states that are read."""
    labels = []
    original = siblings.read_quickly
    monkeypatch.setattr(
        siblings, "read_quickly", lambda reader, *a, **k: labels.append(reader.words.label) or original(reader, *a, **k)
    )
    return labels


def has_index(store):
    return store.mentions(()) is not None


@pytest.mark.parametrize("asked", ["id-of-web", "Imported-1", "IMPORTED-1", "CS9", "CS1"])
def test_a_state_that_records_an_id_is_found(ours, asked):
    assert ours.siblings_recording(["unknown", asked]).states.keys() == {THEIRS}
    assert ours.siblings(id_tokens([asked])).states.keys() == {THEIRS}


def test_a_state_that_waits_for_a_name_is_found(ours):
    (found,) = ours.siblings(name_tokens(["DOUBTFUL"])).states.values()
    assert [intent.name for intent in found.purchases_in_doubt] == ["doubtful"]


def test_a_state_that_mentions_nothing_of_it_is_not_read(ours, theirs, read):
    assert ours.siblings_recording(["unknown"]).states == {}
    assert ours.siblings_recording([]).states == {}
    assert read == []
    ours.siblings(id_tokens(["unknown"]))
    assert read == ([] if has_index(theirs) else [THEIRS])


def test_its_lock_is_not_taken(ours, theirs, holding):
    with holding(theirs):
        assert ours.siblings_recording(["id-of-web"]).states.keys() == {THEIRS}


def test_what_a_run_that_lost_its_lock_was_answered_is_found(ours, theirs):
    intent = StateStore(theirs).load().purchases_in_doubt[0]
    answer = Answered(intent.id, 200, id="late-1", order_id="CS77")
    words, clock, lineage = theirs.words, StateStore(theirs)._clock, StateStore(theirs).load().lineage
    kept = write_late(
        lambda: theirs.log(LATE),
        words,
        [(intent, answer)],
        lineage=lineage,
        batch={"writer": "w", "nonce": "n"},
        clock=clock,
    )
    assert kept
    (found,) = ours.siblings_recording(["LATE-1"]).states.values()
    assert "late-1" in {record.id for record in found.resources.values()}


def test_it_is_found_under_its_new_name_and_after_a_rebuild(ours, theirs, opened):
    entries = [
        RunStarted("run-9", "state rename", "ana", "0.1.0"),
        Renamed("demo", "test", THEIRS),
        RunEnded("run-9", "ended"),
    ]
    StateStore(theirs).rename("demo.test", entries, command="state rename", who="ana", timeout=0)
    assert ours.siblings_recording(["id-of-web"]).states.keys() == {"demo.test"}
    renamed = StateStore(opened("demo.test"))
    with renamed.repair(command="state rebuild", who="ana", timeout=0) as repair:
        empty = replace(
            a_state(), environment="test", lineage=renamed.load().lineage, serial=repair.salvaged.serial + 1
        )
        repair.replace(empty, [Imported(a_recorded("web", id="rebuilt-1"), "rebuilt")])
    assert ours.siblings_recording(["rebuilt-1"]).states.keys() == {"demo.test"}
    assert ours.siblings_recording(["Imported-1"]).states == {}


def test_a_state_whose_records_were_not_indexed_may_hold_anything(ours, theirs, opened, writing, monkeypatch):
    """It was written by something that knows of no index."""
    if theirs.lock_type is LockType.KERNEL:
        pytest.skip("a folder keeps no index")
    monkeypatch.setattr("provisioner.store.session.mentions_of", lambda _entries: frozenset())
    with writing(opened("demo.old")) as session:
        session.append([Imported(a_recorded("x", id="x-1"), "named")])
    assert ours.siblings_recording(["x-1"]).states.keys() == {"demo.old"}
    assert ours.siblings(name_tokens(["unknown"])).states.keys() == {"demo.old"}


def test_only_a_state_that_may_hold_what_is_asked_is_missed_when_it_cannot_be_read(ours, theirs, opened):
    with theirs.lock(HOLDER, timeout=0) as held:
        log = held.log(JOURNAL)
        head = StateStore(theirs).load().head
        log.append(head, b'{"of":"nothing we know"}\n', mentions=id_tokens(["strange-1"]))
    assert ours.siblings(id_tokens(["id-of-web"])).unread.keys() == {THEIRS}
    assert ours.siblings(id_tokens(["strange-1"])).unread.keys() == {THEIRS}
    assert ours.siblings(id_tokens(["unknown"])).unread.keys() == (set() if has_index(theirs) else {THEIRS})


def test_all_of_them_are_read_when_nothing_is_asked(ours, theirs, opened, writing):
    with writing(opened("demo.test")) as session:
        session.append([Imported(a_recorded("x"), "named")])
    assert ours.siblings().states.keys() == {THEIRS, "demo.test"}
    assert ours.siblings(labels=["demo.test"]).states.keys() == {"demo.test"}
    assert ours.siblings(()).states.keys() == (set() if has_index(theirs) else {THEIRS, "demo.test"})
