"""A run gets an answer after it has lost its lock: later runs know the answer, and the journal remains the other run's."""

from __future__ import annotations

from functools import partial

import pytest
from support.builders import a_purchase, a_recorded, a_run, an_address, an_intent

from provisioner.model.diagnostic import LockLost, StoreError
from provisioner.model.flow import Effect
from provisioner.model.journal import Answered, Imported, Intended, RunEnded, RunStarted, Settled
from provisioner.model.resource import Phase
from provisioner.store import StateStore
from provisioner.store.chain import link
from provisioner.store.clock import StoreClock
from provisioner.store.codec import entry_to_json
from provisioner.store.contract import JOURNAL, LATE
from provisioner.store.late_answers import write_late

from .conftest import HOLDER, parts_of


def answered(name, identifier=None):
    return Answered(f"intent-for-{name}", 200, id=identifier or f"id-of-{name}", order_id=f"CS-{name}")


def another_writes(store, lineage, head, *entries):
    """Writes entries as a run does that has got round the lock."""
    log = store.log(JOURNAL)
    tuple(log.read())
    written = map(entry_to_json, [RunStarted("run-2", "apply", "bob", "0.1.0"), *entries])
    log.append(head, link(written, lineage=lineage, serial=1, head=head, time=1)[0])
    log.release()


@pytest.fixture
def fenced(store, writing):
    """Runs a session that has sent `one` and `two` when another run, which has got round the lock, writes `entries`.

    The session then tries to append the answers `heard`. Returns the diagnostic of the refusal.
    """

    def run(entries, *heard):
        with writing(store) as session:
            session.append([RunStarted("run-1", "apply", "ana", "0.1.0")])
            head = session.append([Intended(an_intent("one")), Intended(an_intent("two"))])
            another_writes(store, session.state.lineage, head, *entries)
            with pytest.raises(StoreError) as caught:
                session.append(heard)
        return caught.value.diagnostics[0]

    return run


def open_intents(state):
    return {intent.id for intent in state.in_doubt}


def test_an_answer_is_kept_and_known_and_journaled_by_the_next_run(store, fenced, writing):
    refusal = fenced([], answered("one"))
    assert refusal.code == "lock-lost"
    assert store.words.late in refusal.hint
    states = StateStore(store)
    before = tuple(states.history())
    state = states.load()
    assert state.resources[an_address("one")].id == "id-of-one"
    assert open_intents(state) == {"intent-for-two"}
    with writing(store) as session:
        assert session.state == state
        assert tuple(states.history()) == before
        session.append([answered("two")])
        assert session.state.resources.keys() == {an_address("one")}
        session.checkpoint()
    assert [record.entry for record in states.history()][len(before) :] == [answered("one"), answered("two")]
    assert states.verify().torn == 0
    assert states.load().resources.keys() == {an_address("one"), an_address("two")}
    assert states.warnings == ()


def test_a_run_that_writes_nothing_else_journals_it_with_its_checkpoint(store, fenced, writing):
    fenced([], answered("one"))
    with writing(store) as session:
        assert an_address("one") in session.checkpoint().resources
    assert StateStore(store).verify().records == StateStore(store).load().head.sequence
    with writing(store) as session:
        session.append([RunEnded("run-3", "ended")])
        session.checkpoint()
    entries = [record.entry for record in StateStore(store).history()]
    assert entries.count(answered("one")) == 1


def test_what_is_heard_after_the_refusal_is_kept_too_and_once(store, writing):
    with writing(store) as session:
        head = session.append([Intended(an_intent("one")), Intended(an_intent("two"))])
        another_writes(store, session.state.lineage, head)
        for heard in ([answered("one"), Intended(an_intent("three"))], [answered("one")], [answered("two")]):
            with pytest.raises(StoreError, match=r"cannot write|is closed"):
                session.append(heard)
    assert StateStore(store).load().resources.keys() == {an_address("one"), an_address("two")}
    assert b"".join(store.log(LATE).read()).count(b'"answered"') == 2


def test_a_reply_that_refused_ends_the_doubt(store, fenced):
    fenced([], Settled("intent-for-one", "refused", "sold out", status=400, code="ModelArts.50005015"))
    state = StateStore(store).load()
    assert open_intents(state) == {"intent-for-two"}
    assert state.resources == {}


def test_that_a_call_was_never_sent_ends_the_doubt(store, fenced):
    """Only the run that did not send it knows it, so that another run would have to wait out its quiet period."""
    fenced([], Settled("intent-for-one", "not_sent", "the lock ended before it was sent"))
    assert open_intents(StateStore(store).load()) == {"intent-for-two"}


def test_a_run_that_was_taken_over_hears_of_it_each_time_and_of_what_is_kept(store, writing):
    with writing(store) as session:
        head = session.append([Intended(an_intent("one")), Intended(an_intent("two"))])
        another_writes(store, session.state.lineage, head)
        for entries, kept_in in (
            ([answered("one")], store.words.late),
            ([Intended(an_intent("three"))], ""),
            ([answered("three")], ""),
            ([answered("two")], store.words.late),
        ):
            with pytest.raises(LockLost) as caught:
                session.append(entries)
            assert (caught.value.kept_in, caught.value.diagnostics[0].code) == (kept_in, "lock-lost")


@pytest.mark.parametrize("entry", [Settled("intent-for-one", "absent", "no server appeared"), None])
def test_what_only_a_person_or_a_search_has_found_is_no_late_answer(store, fenced, entry):
    fenced([], *([entry] if entry else [answered("three")]))
    assert tuple(store.log(LATE).read()) == ()
    assert open_intents(StateStore(store).load()) == {"intent-for-one", "intent-for-two"}


def test_an_answer_to_what_has_ended_otherwise_is_told_until_its_server_is_recorded(store, fenced, writing):
    fenced([Settled("intent-for-one", "absent", "no server appeared")], answered("one"))
    states = StateStore(store)
    assert states.load().resources == {}
    (finding,) = states.warnings
    assert finding.code == "late-answer"
    assert "server id-of-one and order CS-one" in finding.summary
    assert "provisioner import 'one' id-of-one" in finding.hint
    with writing(store) as session:
        session.append([Imported(a_recorded("one", id="id-of-one"), "named by ana")])
    assert states.warnings == ()


def test_an_answer_that_the_other_run_has_found_by_itself_is_no_news(store, fenced):
    fenced([answered("one")], answered("one"))
    states = StateStore(store)
    assert states.load().resources[an_address("one")].id == "id-of-one"
    assert states.warnings == ()


def test_a_damaged_state_is_mended_with_late_answers_beside_it(store, fenced, writing):
    with writing(store) as session:
        session.append([RunStarted("run-0", "apply", "ana", "0.1.0")])
        session.checkpoint()
    fenced([], answered("one"))
    with store.lock(HOLDER, timeout=0) as hold:
        before = parts_of(hold)
        hold.replace(before, before.journal.replace(b'"two"', b'"twp"'), before.state)
    states = StateStore(store)
    with pytest.raises(StoreError):
        states.load()
    assert states.warnings == ()
    with states.repair(command="state rebuild", who="ana", timeout=0) as repair:
        assert "intent-for-one" in repair.salvaged.intents


def test_a_server_that_stands_under_another_address_stays_there(store, fenced):
    fenced([Imported(a_recorded("taken-over", id="id-of-one"), "named by bob")], answered("one"))
    state = StateStore(store).load()
    assert state.resources.keys() == {an_address("taken-over")}
    assert open_intents(state) == {"intent-for-one", "intent-for-two"}


def test_a_release_that_was_answered_late_is_known(store, writing):
    release = an_intent("one", id="release-1", effect=Effect.DESTRUCTIVE, target_id="id-of-one")
    with writing(store) as session:
        session.append(a_run(*a_purchase("one")))
        head = session.append([Intended(release)])
        another_writes(store, session.state.lineage, head)
        with pytest.raises(StoreError):
            session.append([Answered("release-1", 200)])
    assert StateStore(store).load().resources[an_address("one")].phase is Phase.DELETING
    assert StateStore(store).warnings == ()


def test_a_sibling_is_known_with_its_late_answers(opened, store, fenced, writing):
    fenced([], answered("one"))
    with writing(opened("demo.prod")):
        pass
    states = StateStore(opened("demo.prod")).siblings().states
    assert states["demo.dev"].resources[an_address("one")].id == "id-of-one"


def test_two_runs_that_lost_their_lock_both_keep_what_they_heard(store, writing):
    """The log of late answers keeps both."""
    states = StateStore(store)
    with writing(store) as session:
        session.append([Intended(an_intent("one")), Intended(an_intent("two"))])
        lineage = session.state.lineage
    for name in ("one", "two"):
        heard = [(an_intent(name), answered(name))]
        assert write_late(
            partial(store.log, LATE), store.words, heard, lineage=lineage, batch={"writer": name}, clock=StoreClock()
        )
    assert states.load().resources.keys() == {an_address("one"), an_address("two")}
