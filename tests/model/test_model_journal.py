"""What each entry means for the state (the laws of whole histories stand in tests/laws)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.builders import a_purchase, a_recorded, a_release, a_run, a_state, an_address, an_intent

from provisioner.model.flow import Effect
from provisioner.model.journal import Adopted, Answered, Imported, Intended, Moved, Remembered, Renamed, Settled
from provisioner.model.replay import replay
from provisioner.model.resource import Phase

TRAINER = an_address()
INTENT = an_intent(labels={"team": "vision"}, protected=True)
RELEASE = an_intent(effect=Effect.DESTRUCTIVE, id="release", target_id="id-of-trainer[0]")


def test_an_intent_is_open_until_something_says_how_it_ended():
    assert replay(a_state(), [Intended(INTENT)]).in_doubt == (INTENT,)


@pytest.mark.parametrize("outcome", ["not_sent", "refused", "observed", "absent"])
def test_a_settled_intent_leaves_nothing(outcome):
    state = replay(a_state(), [Intended(INTENT), Settled(INTENT.id, outcome, "said so")])
    assert (state.intents, state.resources) == ({}, {})


@pytest.mark.parametrize("entry", [Answered(INTENT.id, 200, id="id-1"), Adopted(INTENT.id, "id-1", "found")])
def test_a_purchase_is_recorded_the_moment_its_id_is_known(entry):
    state = replay(a_state(), [Intended(INTENT), entry])
    record = state.resources[TRAINER]
    assert (record.id, record.phase, record.declared) == ("id-1", Phase.CREATING, INTENT.declared)
    assert (record.labels, record.protected) == (INTENT.labels, True)
    assert state.intents == {}


def test_an_order_without_a_server_is_recorded_as_ordering():
    state = replay(a_state(), [Intended(INTENT), Answered(INTENT.id, 200, order_id="CS1")])
    assert (state.resources[TRAINER].phase, state.resources[TRAINER].order_id) == (Phase.ORDERING, "CS1")


def test_an_answered_release_marks_its_record_as_going():
    state = replay(a_state(a_recorded()), [Intended(RELEASE), Answered(RELEASE.id, 200)])
    assert state.resources[TRAINER].phase is Phase.DELETING


def test_an_answered_release_of_what_is_not_recorded_records_nothing():
    assert replay(a_state(), [Intended(RELEASE), Answered(RELEASE.id, 200)]).resources == {}


def test_an_answer_to_an_unknown_intent_means_nothing():
    assert replay(a_state(), [Answered("unknown", 200, id="x")]) == a_state()


def test_what_is_remembered_is_laid_over_what_was_known():
    facts = Remembered(
        TRAINER,
        Phase.READY,
        declared={"name": "new"},
        observed={"status": "RUNNING"},
        labels={"a": "1"},
        protected=True,
    )
    record = replay(a_state(a_recorded()), [facts]).resources[TRAINER]
    assert (record.declared, record.observed, record.labels, record.protected) == (
        {"name": "new"},
        {"status": "RUNNING"},
        {"a": "1"},
        True,
    )


def test_what_is_not_remembered_stays_as_it_was():
    before = a_recorded(protected=True, order_id="CS1")
    assert replay(a_state(before), [Remembered(TRAINER, before.phase)]).resources[TRAINER] == before


def test_facts_about_what_nobody_bought_are_a_contradiction():
    with pytest.raises(ValueError, match=r"trainer\[0\], which nobody bought"):
        replay(a_state(), [Remembered(TRAINER, Phase.READY)])


def test_a_whole_run_buys_and_another_releases():
    state = replay(a_state(), a_run(*a_purchase()))
    assert state.resources[TRAINER].phase is Phase.READY
    assert replay(state, a_run(a_release())).resources == {}


def test_a_wipe_that_was_answered_has_changed_the_system_and_is_under_way():
    declares = {"image_id": "other", "key_pair_name": None, "admin_pass": {"fingerprint": "f1"}}
    intent = an_intent(effect=Effect.WIPE, id="wipe", target_id="id-of-trainer[0]", declared=declares)
    record = a_recorded(declared={"name": "a", "image_id": "one", "key_pair_name": "ops"}, pending={"power": "running"})
    state = replay(a_state(record), [Intended(intent), Answered(intent.id, 200)])
    after = state.resources[TRAINER]
    assert after.declared == {"name": "a", "image_id": "other", "admin_pass": {"fingerprint": "f1"}}
    assert (after.phase, after.pending, after.id) == (Phase.REINSTALLING, {"power": "running"}, record.id)
    ready = replay(state, [Remembered(TRAINER, Phase.READY, pending={})]).resources[TRAINER]
    assert (ready.phase, ready.pending, ready.declared) == (Phase.READY, {}, after.declared)


def test_a_wipe_of_another_server_than_the_one_that_is_recorded_changes_nothing():
    intent = an_intent(effect=Effect.WIPE, id="wipe", target_id="another", declared={"image_id": "other"})
    state = a_state(a_recorded())
    assert replay(state, [Intended(intent), Answered(intent.id, 200)]).resources == state.resources


def test_a_server_that_is_taken_over_is_recorded_as_it_was_shown():
    record = a_recorded(order_id="CS7", protected=True)
    state = replay(a_state(), [Imported(record, "by hand")])
    assert state.resources == {TRAINER: record}


def test_a_move_changes_the_address_and_nothing_else():
    record = a_recorded("gateway")
    moved = Moved(an_address("gateway"), TRAINER)
    state = replay(a_state(record), [moved, moved])
    assert state.resources == {TRAINER: replace(record, address=TRAINER)}
    assert not list(state.problems())


def test_a_move_onto_another_server_contradicts_the_journal():
    with pytest.raises(ValueError, match="holds one already"):
        replay(a_state(a_recorded("gateway"), a_recorded()), [Moved(an_address("gateway"), TRAINER)])


def test_a_renamed_state_is_that_of_its_new_owner_and_holds_what_it_held():
    before = a_state(a_recorded())
    after = replay(before, [Renamed("vision", None, before.label)])
    assert (after.stack, after.environment, after.label) == ("vision", None, "vision")
    assert (after.resources, after.lineage, after.serial) == (before.resources, before.lineage, before.serial)
    assert replay(after, [Renamed("vision", "dev", "vision")]).label == "vision.dev"
