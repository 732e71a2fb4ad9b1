"""Parts of a shared state are lost, as by a partial restore: nothing is begun anew, and nobody waits for ever."""

from __future__ import annotations

import pytest
from support.builders import IDENTITY, a_purchase, a_run
from support.memory_backend import MemoryLog, Place, shared_store

from provisioner.model.diagnostic import StoreError
from provisioner.store import StateStore
from provisioner.store.contract import JOURNAL, Conflict
from provisioner.store.run_watch import this_process


@pytest.fixture
def place():
    return Place()


@pytest.fixture
def states(place):
    states = StateStore(shared_store(place, "demo.dev"))
    with states.write(command="apply", who="ana", timeout=0) as session:
        session.create("demo", "dev", identity=IDENTITY)
        session.append(a_run(*a_purchase("one")))
        session.checkpoint()
    return states


def test_checkpoints_without_their_journal_are_no_empty_state(place, states):
    del place.of("demo.dev").logs[JOURNAL]
    for read in (states.load, lambda: states.write(command="apply", who="ana", timeout=0).__enter__()):
        with pytest.raises(StoreError) as caught:
            read()
        assert caught.value.diagnostics[0].code == "journal-missing"


def test_a_journal_behind_whose_end_nothing_can_be_appended_is_not_fenced_for_ever(place, states, monkeypatch):
    states.abandoned = states.write(command="apply", who="ana", timeout=0)
    session = states.abandoned.__enter__()
    append, tried = MemoryLog.append, []

    def refuse(log, after, batch, **details):
        if log._name == JOURNAL:
            tried.append(after)
            raise Conflict("the store names another record as the last one")
        return append(log, after, batch, **details)

    monkeypatch.setattr(MemoryLog, "append", refuse)
    monkeypatch.setattr("provisioner.store.lease.HeldLease.renew", lambda _held: False)
    with StateStore(shared_store(place, "demo.dev")).write(command="apply", who="bob", timeout=5):
        assert len(tried) <= 2
    assert session is not None


def test_a_text_that_is_no_unicode_does_not_stop_the_lock(states):
    holder = this_process("apply", "ana", "a reason \udcff", since=0)
    assert holder.reason == "a reason ?"
    with states.write(command="apply", who="an\udcffa", timeout=0, reason="\udcff"):
        pass
