"""A journal that is closed because the state has moved: nothing is ever written behind its last record, by whomever.

Late answers are still kept beside it, and every command that reads it names the new place.
"""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from support.builders import a_purchase, an_intent
from support.memory_backend import Fault, MemoryBackend, Place

from provisioner.model.diagnostic import StoreError
from provisioner.model.journal import Answered, Intended
from provisioner.store.chain import link, single_lines
from provisioner.store.contract import JOURNAL, LATE, Conflict
from provisioner.store.lease_record import LEASE, LeaseTerms

from .conftest import HOLDER
from .test_store_contract_lease import Machine, abandon, begun, writing

THERE = "postgres://there/states"


@pytest.fixture
def place():
    return Place()


@pytest.fixture
def ana(place):
    return Machine(place)


@pytest.fixture
def bob(place):
    return Machine(place)


def journal(place):
    return place.of("demo.dev").logs[JOURNAL]


def move_away(machine):
    """Closes the journal as a migration does, under the lock."""
    with machine.store.lock(HOLDER, timeout=0) as locked:
        log = locked.log(JOURNAL)
        last = list(single_lines(b"".join(log.read())))[-1]
        lineage = next(single_lines(journal(machine.place))).lineage
        entry = {"type": "relocated", "to": THERE}
        log.close(last.head, link([entry], lineage=lineage, serial=1, head=last.head, time=1, closing=True)[0])


def is_relocated(caught):
    (found,) = caught.value.diagnostics
    return found.code == "state-relocated" and THERE in found.summary and THERE in found.hint


@pytest.fixture
def moved(place, ana, bob):
    """Ana's run, which has sent one purchase and stood still while bob moved the state. Returns it with what then stood there."""
    with ExitStack() as stack:
        session = stack.enter_context(writing(ana))
        begun(session)
        session.append([Intended(an_intent("two"))])
        move_away(bob)
        yield session, journal(place)


def test_an_old_writer_notes_and_sends_nothing_more_and_its_answer_is_kept(place, moved):
    session, closed = moved
    with pytest.raises(StoreError):
        session.append([Intended(an_intent("three"))])
    with pytest.raises(StoreError) as caught:
        session.append([Answered("intent-for-two", 200, id="id-of-two")])
    assert place.of("demo.dev").logs[LATE].count(b"id-of-two") == 1
    assert "late" in caught.value.diagnostics[0].hint
    with pytest.raises(StoreError):
        session.checkpoint()
    assert journal(place) == closed


def test_readers_are_told_where_the_state_is(moved, bob):
    for read in (bob.states.load, lambda: writing(bob).__enter__()):
        with pytest.raises(StoreError) as caught:
            read()
        assert is_relocated(caught)
    assert bob.states.warnings == ()


def test_who_takes_over_a_dead_run_leaves_the_end_where_it_is(place, ana, bob):
    with writing(ana) as session:
        begun(session)
    move_away(bob)
    closed = journal(place)
    abandon(ana)
    for machine in (bob, Machine(place)):
        before = machine.time
        with pytest.raises(StoreError) as caught, writing(machine):
            pytest.fail("it may be written")
        assert is_relocated(caught)
        assert journal(place) == closed
    assert machine.time == before, "the lock was left held"


def test_an_append_that_is_carried_out_late_is_refused(place, ana, bob):
    with ExitStack() as stack:
        session = stack.enter_context(writing(ana))
        begun(session)
        place.faults[JOURNAL] = [Fault.UNDECIDED] * 99
        sent = []
        log = MemoryBackend(place).log("demo.dev", JOURNAL)
        append = type(log).append

        def remember(self, after, batch, **details):
            if self._name == JOURNAL:
                sent.append((after, batch))
            return append(self, after, batch, **details)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(log), "append", remember)
            with pytest.raises(StoreError):
                session.append(a_purchase("two"))
        place.faults.clear()
        ana.time += LeaseTerms().seconds
        move_away(bob)
        closed = journal(place)
        with pytest.raises(Conflict):
            log.append(*sent[0])
        assert journal(place) == closed


def test_a_state_that_has_moved_is_neither_repaired_nor_renamed(place, ana, bob):
    """A journal made anew would be a second state beside the one that has moved."""
    with writing(ana) as session:
        begun(session)
    move_away(bob)
    closed = journal(place)
    with pytest.raises(StoreError) as caught, bob.states.repair(command="rebuild", who="bob", timeout=0):
        pytest.fail("it may be repaired")
    assert is_relocated(caught)
    with pytest.raises(StoreError) as caught:
        bob.states.rename("demo.prod", [], command="rename", who="bob", timeout=0)
    assert is_relocated(caught)
    assert journal(place) == closed
    assert place.of("demo.dev").logs[LEASE]
