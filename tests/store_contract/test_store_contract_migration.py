"""A state that moves to another place: it can be used at one of both places and never at two, and nothing of it is lost."""

from __future__ import annotations

from copy import deepcopy
from functools import partial
from shlex import quote

import pytest
from support.builders import IDENTITY, a_purchase, a_release, a_run, an_address, an_intent
from support.memory_backend import Fault, Place, shared_store
from support.postgres_stores import close_backends

from provisioner.model.diagnostic import LockHeld, StoreError, UsageError
from provisioner.model.journal import Answered, Arrived, Arriving, Intended, Relocated, Renamed, RunEnded, RunStarted
from provisioner.store import StateStore
from provisioner.store.chain import link
from provisioner.store.codec import entry_to_json
from provisioner.store.contract import JOURNAL, LATE, START
from provisioner.store.folder import FolderStore
from provisioner.store.high_water_marks import HighWaterMarks
from provisioner.store.migration import migrate_state
from provisioner.store.pulled_state import read_pulled
from provisioner.store.push import push_state

from .conftest import HOLDER, STORES

RUN = RunStarted("run-9", "state migrate", "ana@laptop", "0.1.0")
PAIRS = [*zip(STORES, [*[*STORES][1:], *STORES], strict=False)]
"""From each kind of store to the next one."""


@pytest.fixture
def marks(tmp_path):
    return HighWaterMarks(tmp_path / "marks")


@pytest.fixture(params=PAIRS, ids="-to-".join)
def openers(request, tmp_path):
    source, target = request.param
    yield STORES[source](tmp_path / "old"), STORES[target](tmp_path / "new")
    close_backends()


@pytest.fixture
def bought(openers, marks):
    """A run that reached its checkpoint, and one that did not and left a purchase in doubt."""
    store = openers[0]("demo.dev")
    with StateStore(store, marks=marks).write(command="apply", who="ana", timeout=0) as session:
        session.create("demo", "dev", identity=IDENTITY)
        session.append(a_run(*a_purchase("trainer[0]"), *a_purchase("trainer[1]")))
        session.checkpoint()
    with StateStore(store, marks=marks).write(command="apply", who="ana", timeout=0) as session:
        session.append(a_run(a_release("trainer[1]"), Intended(an_intent("gateway"))))
    return store


@pytest.fixture
def target(openers):
    return openers[1]("demo.dev")


@pytest.fixture
def moving(marks):
    def move(source, target, *, is_dry=False):
        access = StateStore(source, owner=("demo", "dev"), marks=marks).access
        return migrate_state(access, target, RUN, timeout=0, is_dry=is_dry)

    return move


def addresses(state):
    return {str(address) for address in state.resources}


def code_of(action, error=StoreError):
    with pytest.raises(error) as caught:
        action()
    return caught.value.diagnostics[0].code


def journal_of(store):
    return b"".join(store.log(JOURNAL).read())


def late_answer(store, lineage, address="gateway"):
    entries = [Intended(an_intent(address)), Answered(f"intent-for-{address}", 200, id=f"id-of-{address}")]
    lines, _ = link(map(entry_to_json, entries), lineage=lineage, serial=0, head=START, time=9_999_999_999_999)
    log = store.log(LATE)
    log.append(START, lines)
    log.release()


def test_a_moved_state_is_whole_at_its_new_place_and_refused_at_the_old_one(bought, target, moving, marks):
    before, journal = StateStore(bought, marks=marks).load(), journal_of(bought)
    moved = moving(bought, target)
    assert (moved.place, moved.late, moved.was_done) == (target.words.place, 0, False)
    assert moved.state == StateStore(target, owner=("demo", "dev"), marks=marks).load()
    assert (moved.state.resources, moved.state.intents) == (before.resources, before.intents)
    assert (moved.state.lineage, moved.state.serial) == (before.lineage, before.serial + 1)
    assert journal_of(target).startswith(journal)
    assert StateStore(target).verify().records == moved.state.head.sequence
    with pytest.raises(StoreError) as caught:
        StateStore(bought, marks=marks).load()
    (finding,) = caught.value.diagnostics
    assert finding.code == "state-relocated"
    assert f"--state {quote(target.words.place)}" in finding.hint


def test_nothing_is_ever_recorded_again_at_the_old_place(bought, target, moving, marks):
    moving(bought, target)
    closed = journal_of(bought)
    old = StateStore(bought, marks=HighWaterMarks())
    assert code_of(lambda: old.write(command="apply", who="ana", timeout=0).__enter__()) == "state-relocated"
    for force in (False, True):
        repairing = old.repair(command="state rebuild", who="ana", timeout=0, force=force)
        assert code_of(repairing.__enter__) == "state-relocated"
    renaming = partial(old.rename, "demo.prod", (), command="state rename", who="ana", timeout=0)
    assert code_of(renaming) == "state-relocated"
    assert code_of(old.pull) == "state-relocated"
    assert journal_of(bought) == closed


def test_the_history_of_the_old_place_can_still_be_read(bought, target, moving, marks):
    moving(bought, target)
    old, new = (StateStore(store, marks=marks) for store in (bought, target))
    closing = [record.entry for record in old.history()][-2:]
    assert closing == [RUN, Relocated(target.words.place)]
    assert old.verify().records == len(tuple(old.history()))
    assert [record.entry for record in new.history()][-4:] == [
        Arriving(bought.words.place), RUN, Arrived(bought.words.place), RunEnded("run-9", "ended"),
    ]  # fmt: skip


def test_runs_go_on_at_the_new_place_and_it_can_move_on(bought, target, moving, marks, tmp_path):
    moving(bought, target)
    with StateStore(target, marks=marks).write(command="apply", who="ana", timeout=0) as session:
        session.append([Answered("intent-for-gateway", 200, id="id-of-gateway"), *a_run(*a_purchase("second"))])
        session.checkpoint()
    third = FolderStore(tmp_path / "third", "demo.dev")
    moved = moving(target, third)
    assert addresses(moved.state) == {"trainer[0]", "gateway", "second"}
    assert StateStore(third).verify().records == moved.state.head.sequence
    assert code_of(StateStore(target, marks=marks).load) == "state-relocated"


def test_moving_it_once_more_changes_nothing(bought, target, moving, marks):
    moved = moving(bought, target)
    kept = journal_of(bought), journal_of(target)
    again = moving(bought, target)
    assert (again.was_done, again.late) == (True, 0)
    with StateStore(target, marks=marks).write(command="apply", who="ana", timeout=0) as session:
        session.append(a_run(*a_purchase("second")))
    assert moving(bought, target).was_done
    assert journal_of(bought) == kept[0]
    assert journal_of(target).startswith(kept[1])
    assert StateStore(target).load().lineage == moved.state.lineage


def test_a_moved_state_does_not_move_to_a_third_place(bought, target, moving, tmp_path):
    moving(bought, target)
    third = FolderStore(tmp_path / "third", "demo.dev")
    assert code_of(lambda: moving(bought, third)) == "state-relocated"
    assert third.names() == ()


def test_it_moves_only_into_an_empty_place(bought, target, moving, marks):
    with StateStore(target).write(command="apply", who="bob", timeout=0) as session:
        session.create("demo", "dev", identity=IDENTITY)
        session.append(a_run(*a_purchase("theirs")))
        session.checkpoint()
    kept = journal_of(target)
    assert code_of(lambda: moving(bought, target)) == "state-exists"
    assert journal_of(target) == kept
    assert addresses(StateStore(bought, marks=marks).load()) == {"trainer[0]"}


def test_a_log_of_late_answers_there_is_no_empty_place(bought, target, moving):
    with target.lock(HOLDER, timeout=0):
        late_answer(target, "another-lineage")
    assert code_of(lambda: moving(bought, target)) == "state-exists"


def test_nobody_else_may_be_at_work_at_either_place(bought, target, moving, marks):
    for store in (bought, target):
        with store.lock(HOLDER, timeout=0):
            assert code_of(lambda: moving(bought, target), LockHeld) == "lock-held"
    assert addresses(StateStore(bought, marks=marks).load()) == {"trainer[0]"}
    assert StateStore(target).load() is None


def test_there_is_nothing_to_move_where_nothing_was_recorded(openers, target, moving):
    assert code_of(lambda: moving(openers[0]("demo.dev"), target), UsageError) == "no-state"
    assert target.names() == ()


def test_a_place_is_not_another_one_than_itself(bought, moving):
    assert code_of(lambda: moving(bought, bought), UsageError) == "migrate-same-place"


def test_a_dry_run_changes_nothing(bought, target, moving):
    kept = journal_of(bought)
    assert addresses(moving(bought, target, is_dry=True).state) == {"trainer[0]"}
    assert (journal_of(bought), target.names()) == (kept, ())


def test_a_state_without_a_journal_moves_too(openers, target, moving):
    store = openers[0]("demo.dev")
    with StateStore(store).write(command="apply", who="ana", timeout=0) as session:
        session.create("demo", "dev", identity=IDENTITY)
    moved = moving(store, target)
    assert moved.state == StateStore(target).load()
    assert code_of(StateStore(store).load) == "state-relocated"


def test_late_answers_move_along_and_later_ones_are_carried_over(bought, target, moving, marks):
    lineage = StateStore(bought, marks=marks).load().lineage
    moving(bought, target)
    assert "gateway" not in addresses(StateStore(target).load())
    late_answer(bought, lineage)
    with pytest.raises(StoreError) as caught:
        StateStore(bought, marks=marks).load()
    assert (
        f"state migrate --state {quote(bought.words.place)} --to {quote(target.words.place)}"
        in caught.value.diagnostics[0].hint
    )
    again = moving(bought, target)
    assert (again.was_done, again.late) == (True, 1)
    assert "gateway" in addresses(StateStore(target, marks=marks).load())
    assert moving(bought, target).late == 0


def test_an_answer_that_is_late_already_is_there_when_the_state_arrives(bought, target, moving, marks):
    late_answer(bought, StateStore(bought, marks=marks).load().lineage)
    assert moving(bought, target).late == 1
    assert addresses(StateStore(target).load()) == {"trainer[0]", "gateway"}


def test_an_older_copy_of_the_old_place_is_found_out_by_who_has_seen_it_move(tmp_path, moving, marks, target, bought):
    if not isinstance(bought, FolderStore):
        return
    kept = {file: file.read_bytes() for file in (tmp_path / "old" / "state").iterdir()}
    moving(bought, target)
    for file, data in kept.items():
        file.write_bytes(data)
    with pytest.raises(StoreError) as caught:
        StateStore(bought, marks=marks).load()
    assert caught.value.diagnostics[0].code == "state-older"
    assert target.words.state in caught.value.diagnostics[0].summary
    assert code_of(lambda: moving(bought, target)) == "state-older"
    assert addresses(StateStore(bought).load()) == {"trainer[0]"}, "nobody else can know"


def test_where_the_new_place_was_lost_since_nothing_older_takes_its_place(bought, openers, moving, tmp_path):
    lost = FolderStore(tmp_path / "lost", "demo.dev")
    moving(bought, lost)
    for file in (tmp_path / "lost").iterdir():
        file.unlink()
    assert code_of(lambda: moving(bought, lost)) == "state-copy-lost"
    assert lost.names() == ()


def test_two_places_hold_the_state_for_the_others_beside_them(bought, target, openers, moving, marks):
    """What is kept elsewhere counts as another state's: its servers are nobody's orphans."""
    moving(bought, target)
    for opener in openers:
        (state,) = StateStore(opener("other")).siblings().states.values()
        assert addresses(state) == {"trainer[0]"}


# Pulling and pushing


@pytest.fixture
def pushing(marks):
    def pushed(data, target, marks=marks):
        store = StateStore(target, owner=("demo", "dev"), marks=marks)
        document = read_pulled(data, target.words, name="demo.pull")
        return push_state(document, store.access, RUN, name="demo.pull", timeout=0)

    return pushed


def test_a_pulled_state_is_whole_where_it_is_pushed(bought, target, pushing, marks):
    late_answer(bought, StateStore(bought).load().lineage)
    data, journal = StateStore(bought, marks=marks).pull().encode(), journal_of(bought)
    state = pushing(data, target)
    assert state == StateStore(target, marks=marks).load()
    assert addresses(state) == {"trainer[0]", "gateway"}
    assert journal_of(target).startswith(journal)
    assert StateStore(target).verify().records == state.head.sequence
    kept = journal_of(target)
    assert pushing(data, target) == state
    assert journal_of(target) == kept


def test_it_is_pushed_only_into_an_empty_place(bought, target, pushing, marks):
    data = StateStore(bought, marks=marks).pull().encode()
    pushing(data, target)
    with StateStore(target, marks=marks).write(command="apply", who="ana", timeout=0) as session:
        session.append(a_run(*a_purchase("second")))
    assert code_of(lambda: pushing(data, target)) == "state-exists"
    assert code_of(lambda: pushing(data, bought)) == "state-exists"


def test_an_older_pull_than_what_was_seen_is_refused(bought, target, pushing, marks):
    data = StateStore(bought, marks=marks).pull().encode()
    with StateStore(bought, marks=marks).write(command="apply", who="ana", timeout=0) as session:
        session.append(a_run(*a_purchase("second")))
        session.checkpoint()
    with pytest.raises(StoreError) as caught:
        pushing(data, target)
    assert caught.value.diagnostics[0].code == "pull-older"
    assert target.names() == ()
    assert addresses(pushing(data, target, marks=HighWaterMarks())) == {"trainer[0]"}, "nobody else can know"


def test_a_pull_is_not_pushed_beside_its_own_renamed_state(bought, pushing, marks):
    data = StateStore(bought, marks=marks).pull().encode()
    entries = [
        RunStarted("run-9", "state rename", "ana", "0.1.0"),
        Renamed("demo", "prod", "demo.dev"),
        RunEnded("run-9", "ended"),
    ]
    StateStore(bought, marks=marks).rename("demo.prod", entries, command="state rename", who="ana", timeout=0)
    assert code_of(lambda: pushing(data, bought, marks=HighWaterMarks())) == "state-in-use"
    assert bought.names() == ("demo.prod",)


def test_an_altered_pull_is_refused(bought, target, pushing, marks):
    data = StateStore(bought, marks=marks).pull().encode()
    assert code_of(lambda: pushing(data.replace(b"id-of-trainer[0]", b"id-of-trainer[9]"), target)) == "pull-damaged"
    assert code_of(lambda: pushing(data[:-20], target)) == "pull-damaged"
    assert target.names() == ()


def test_a_pull_of_another_state_is_refused(bought, openers, pushing, marks):
    data = StateStore(bought, marks=marks).pull().encode()
    assert code_of(lambda: pushing(data, openers[1]("demo.prod"))) == "state-foreign"


# Faults of a store behind a network


@pytest.mark.parametrize("fault", [Fault.LOST_REPLY, Fault.UNDECIDED])
def test_a_lost_reply_to_the_closing_is_met_with_the_same_bytes(marks, moving, fault):
    place = Place(name="old")
    source, target = shared_store(place, "demo.dev"), shared_store(Place(name="new"), "demo.dev")
    with StateStore(source, marks=marks).write(command="apply", who="ana", timeout=0) as session:
        session.create("demo", "dev", identity=IDENTITY)
        session.append(a_run(*a_purchase("one")))
    place.faults[JOURNAL] = [fault]
    assert addresses(moving(source, target).state) == {"one"}
    assert code_of(StateStore(source).load) == "state-relocated"
    assert an_address("one") in StateStore(target).load().resources


def test_a_copy_that_lacks_the_last_record_of_the_closed_place_is_not_opened(marks, moving, monkeypatch):
    """The database of the new place was restored from a backup of the time between two attempts."""

    def die(*_args, **_details):
        raise RuntimeError("the process dies here")

    old, new = Place(), Place()
    source, target = shared_store(old, "demo.dev"), shared_store(new, "demo.dev")
    with StateStore(source).write(command="apply", who="ana", timeout=0) as session:
        session.create("demo", "dev", identity=IDENTITY)
        session.append(a_run(*a_purchase("one")))
    with monkeypatch.context() as patch:
        patch.setattr("provisioner.store.migration.Migration._close", die)
        with pytest.raises(RuntimeError):
            moving(source, target)
    backup = deepcopy(new.states)
    with StateStore(source).write(command="apply", who="ana", timeout=0) as session:
        session.append([Intended(an_intent("two"))])
    with monkeypatch.context() as patch:
        patch.setattr("provisioner.store.arrival.Arrival.open", die)
        with pytest.raises(RuntimeError):
            moving(source, target)
    new.states.clear()
    new.states.update(backup)
    assert code_of(lambda: moving(source, target)) == "state-copy-lost"
