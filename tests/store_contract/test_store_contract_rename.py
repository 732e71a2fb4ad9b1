"""A state under another name: everything moves along, once, and nothing of anybody else is touched."""

from __future__ import annotations

import pytest
from support.builders import IDENTITY, a_purchase, a_release, a_run, an_intent

from provisioner.model.diagnostic import LockHeld, StoreError, UsageError
from provisioner.model.journal import Answered, Intended, Renamed, RunEnded, RunStarted
from provisioner.store import StateStore
from provisioner.store.chain import link
from provisioner.store.codec import entry_to_json
from provisioner.store.contract import LATE, START, Conflict
from provisioner.store.high_water_marks import HighWaterMarks

from .conftest import HOLDER


@pytest.fixture
def marks(tmp_path):
    return HighWaterMarks(tmp_path / "marks")


@pytest.fixture
def renaming(marks):
    def rename(store, label, *, timeout=0):
        stack, _, environment = label.partition(".")
        entries = [
            RunStarted("run-9", "state rename", "ana@laptop", "0.1.0"),
            Renamed(stack, environment or None, store.words.label),
            RunEnded("run-9", "ended"),
        ]
        state_store = StateStore(store, marks=marks)
        return state_store.rename(label, entries, command="state rename", who="ana@laptop", timeout=timeout)

    return rename


@pytest.fixture
def bought(store, marks):
    """A run that reached its checkpoint, and one that did not."""
    with StateStore(store, marks=marks).write(command="apply", who="ana", timeout=0) as session:
        session.create("demo", "dev", identity=IDENTITY)
        session.append(a_run(*a_purchase("trainer[0]"), *a_purchase("trainer[1]")))
        session.checkpoint()
    with StateStore(store, marks=marks).write(command="apply", who="ana", timeout=0) as session:
        session.append(a_run(a_release("trainer[1]"), *a_purchase("gateway")))
    return store


def addresses(state):
    return {str(address) for address in state.resources}


def code_of(action, error=StoreError):
    with pytest.raises(error) as caught:
        action()
    return caught.value.diagnostics[0].code


def test_a_renamed_state_is_whole_under_its_new_name_and_nothing_is_left_of_the_old_one(
    bought, opened, renaming, marks
):
    renamed = renaming(bought, "demo.prod")
    assert (renamed.stack, renamed.environment, addresses(renamed)) == ("demo", "prod", {"trainer[0]", "gateway"})
    new = StateStore(opened("demo.prod"), owner=("demo", "prod"), marks=marks)
    assert new.load() == renamed
    assert new.verify().head == renamed.head
    assert StateStore(opened("demo.dev"), marks=marks).load() is None
    assert bought.names() == ("demo.prod",)
    assert StateStore(opened("other")).siblings().states == {"demo.prod": renamed}


def test_its_history_goes_on(bought, opened, renaming):
    before = [record.hash for record in StateStore(bought).history()]
    renaming(bought, "tests")
    records = tuple(StateStore(opened("tests")).history())
    assert [record.hash for record in records][: len(before)] == before
    assert [type(record.entry) for record in records[len(before) :]] == [RunStarted, Renamed, RunEnded]
    assert records[-2].entry == Renamed("tests", None, "demo.dev")


def test_runs_go_on_under_the_new_name_and_it_can_be_renamed_again_and_back(bought, opened, renaming, marks):
    renaming(bought, "demo")
    with StateStore(opened("demo"), owner=("demo", None), marks=marks).write(
        command="apply", who="ana", timeout=0
    ) as session:
        session.append(a_run(*a_purchase("second")))
        session.checkpoint()
    state = renaming(opened("demo"), "demo.dev")
    assert addresses(state) == {"trainer[0]", "gateway", "second"}
    assert StateStore(opened("demo.dev"), owner=("demo", "dev"), marks=marks).load() == state
    assert StateStore(opened("demo.dev")).verify().records == state.head.sequence


def test_renaming_it_once_more_changes_nothing(bought, opened, renaming):
    renamed = renaming(bought, "demo.prod")
    assert renaming(bought, "demo.prod") == renamed
    assert StateStore(opened("demo.prod")).load() == renamed


def test_a_state_of_the_new_name_stays_as_it_is(bought, opened, renaming, writing):
    with writing(opened("demo.prod")) as session:
        session.append(a_run(*a_purchase("theirs")))
        session.checkpoint()
    assert code_of(lambda: renaming(bought, "demo.prod")) == "state-exists"
    assert addresses(StateStore(opened("demo.prod")).load()) == {"theirs"}
    assert addresses(StateStore(bought).load()) == {"trainer[0]", "gateway"}


def test_what_is_damaged_under_the_new_name_is_not_written_over(bought, opened, renaming):
    target = opened("demo.prod")
    with target.lock(HOLDER, timeout=0) as held:
        lines, _ = link([entry_to_json(Intended(an_intent("x")))], lineage="another", serial=1, head=START, time=1)
        held.log("journal").append(START, lines)
    with pytest.raises(StoreError):
        renaming(bought, "demo.prod")
    assert b"".join(opened("demo.prod").log("journal").read()) == lines
    assert addresses(StateStore(bought).load()) == {"trainer[0]", "gateway"}


def test_there_is_nothing_to_rename_where_nothing_was_recorded(opened, renaming):
    assert code_of(lambda: renaming(opened("demo.dev"), "demo.prod"), UsageError) == "no-state"
    assert opened("demo.dev").names() == ()


@pytest.mark.parametrize("label", ["demo.dev", "demo.prod"])
def test_nobody_else_may_be_at_work_under_either_name(bought, opened, renaming, label):
    with opened(label).lock(HOLDER, timeout=0):
        assert code_of(lambda: renaming(bought, "demo.prod"), LockHeld) == "lock-held"
    assert addresses(StateStore(bought).load()) == {"trainer[0]", "gateway"}


def test_late_answers_move_along(bought, opened, renaming, marks):
    with StateStore(bought, marks=marks).write(command="apply", who="ana", timeout=0) as session:
        session.append(a_run(Intended(an_intent("late"))))
        lineage = session.state.lineage
    entries = [Intended(an_intent("late")), Answered("intent-for-late", 200, id="id-of-late")]
    lines, _ = link(map(entry_to_json, entries), lineage=lineage, serial=0, head=START, time=1)
    log = bought.log(LATE)
    log.append(START, lines)
    log.release()
    assert "late" in addresses(StateStore(bought).load())
    renaming(bought, "demo.prod")
    assert "late" in addresses(StateStore(opened("demo.prod"), marks=marks).load())
    assert bought.names() == ("demo.prod",)


def test_a_state_without_a_journal_moves_too(store, opened, renaming):
    with StateStore(store).write(command="apply", who="ana", timeout=0) as session:
        session.create("demo", "dev", identity=IDENTITY)
    renamed = renaming(store, "demo.prod")
    assert StateStore(opened("demo.prod")).load() == renamed
    assert StateStore(opened("demo.prod")).verify().records == 4


def test_a_journal_that_is_no_longer_as_it_was_read_is_not_moved(bought, opened):
    with bought.lock(HOLDER, timeout=0) as held:
        held.checkpoint()
        with pytest.raises(Conflict):
            held.move_to("demo.prod", b"another\n", b"another\nand more\n")
    assert addresses(StateStore(bought).load()) == {"trainer[0]", "gateway"}
    assert StateStore(opened("demo.prod")).load() is None
