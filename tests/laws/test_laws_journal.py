"""What holds of every journal, whatever was bought and wherever it is cut, flipped or interrupted.

One thing no local file can show: a journal cut at the end of a record after the state's head reads as a shorter truth.
"""

from __future__ import annotations

import shutil
import tempfile
from functools import reduce
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.builders import IDENTITY, a_purchase, a_release, a_run, a_state, an_intent
from support.disks import Crash, DyingDisk, NumberedDisk
from support.stores import folder_store
from support.strategies import histories

from provisioner.model.diagnostic import StoreError
from provisioner.model.document import seal, unseal
from provisioner.model.flow import Effect
from provisioner.model.journal import Adopted, Answered, Created, Forgotten, Imported, Intended, Moved
from provisioner.model.replay import replay
from provisioner.model.state import JournalHead
from provisioner.store.chain import CHAIN_KEYS, link, records
from provisioner.store.codec import entry_from_json, entry_to_json, state_from_json, state_to_json
from provisioner.store.folder.files import Files
from provisioner.store.known_state import read_known

WORDS = Files(Path("state"), "demo.dev").words


def lines_of(entries, *, state, head=None):
    return link(
        map(entry_to_json, entries), lineage=state.lineage, serial=1, head=head or JournalHead(), time=1_700_000_000_000
    )


def read(state, journal):
    return read_known(WORDS, state=seal(state_to_json(state), tool="0.1.0"), journal=journal).state


def truth(state):
    return state.resources, state.intents


@given(histories(), st.data())
def test_any_prefix_of_a_journal_leads_to_a_valid_state(entries, data):
    cut = data.draw(st.integers(0, len(entries)))
    state = replay(a_state(), entries[:cut])
    assert not list(state.problems())
    journal, head = lines_of(entries[:cut], state=a_state())
    assert read(a_state(), journal) == replay(a_state(head=head), entries[:cut])


@given(histories())
def test_an_id_once_answered_is_known_until_it_is_forgotten(entries):
    expected = {}
    purchases = {}
    for entry in entries:
        match entry:
            case Intended(intent) if intent.effect is Effect.PURCHASE:
                purchases[intent.id] = intent.address
            case Answered() | Adopted() if entry.intent in purchases:
                expected[purchases.pop(entry.intent)] = (entry.id, entry.order_id)
            case Imported(recorded=recorded):
                expected[recorded.address] = (recorded.id, recorded.order_id)
            case Moved():
                expected[entry.address] = expected.pop(entry.origin)
            case Forgotten():
                expected.pop(entry.address, None)
    state = replay(a_state(), entries)
    assert {address: (one.id, one.order_id) for address, one in state.resources.items()} == expected


@given(histories())
def test_replaying_at_once_or_entry_by_entry_is_the_same(entries):
    assert reduce(lambda state, entry: replay(state, [entry]), entries, a_state()) == replay(a_state(), entries)


@given(histories(steps=5))
def test_the_end_of_a_history_told_again_changes_nothing(entries):
    """What a crash between an answer and its record makes of a run: the last fact is written once more."""
    state = replay(a_state(), entries)
    assert replay(state, entries[-1:]) == state


@given(histories(), st.data())
def test_a_checkpoint_anywhere_changes_nothing_of_what_is_known(entries, data):
    cut = data.draw(st.integers(0, len(entries)))
    start = a_state()
    first, head = lines_of(entries[:cut], state=start)
    rest, last = lines_of(entries[cut:], state=start, head=head)
    checkpoint = replay(a_state(head=head, serial=2), entries[:cut])
    assert read(checkpoint, first + rest) == replay(a_state(head=last, serial=2), entries)
    assert truth(read(start, first + rest)) == truth(read(checkpoint, first + rest))


@given(histories())
def test_entries_and_states_are_read_as_they_were_written(entries):
    state = replay(a_state(), entries)
    assert state_from_json(unseal(seal(state_to_json(state), tool="0.1.0"))) == state
    for entry in entries:
        written = entry_to_json(entry)
        assert entry_from_json(written) == entry
        assert not CHAIN_KEYS & set(written)
        assert "hash" not in written


SMALL = a_run(*a_purchase('pool["größe"]'), Intended(an_intent("two")))


@pytest.fixture(scope="module")
def small():
    """A state, the bytes of its journal, and the truths that the journal's prefixes lead to."""
    journal, _ = lines_of(SMALL, state=a_state())
    prefixes = [truth(replay(a_state(), SMALL[:count])) for count in range(len(SMALL) + 1)]
    return a_state(), journal, prefixes


@pytest.mark.parametrize("mask", [0x01, 0x20, 0x80, 0xFF])
def test_every_flipped_byte_of_a_journal_is_refused(small, mask):
    state, journal, _ = small
    for position in range(len(journal)):
        with pytest.raises(StoreError):
            read(state, journal[:position] + bytes([journal[position] ^ mask]) + journal[position + 1 :])


@pytest.mark.parametrize("mask", [0x01, 0x20, 0x80, 0xFF])
def test_every_flipped_byte_of_a_state_is_refused(small, mask):
    _, journal, _ = small
    data = seal(state_to_json(replay(a_state(), SMALL)), tool="0.1.0")
    for position in range(len(data)):
        with pytest.raises(StoreError):
            read_known(
                WORDS,
                state=data[:position] + bytes([data[position] ^ mask]) + data[position + 1 :],
                journal=journal,
            )


def test_every_cut_of_a_journal_leads_to_what_its_whole_records_say(small):
    state, journal, prefixes = small
    for length in range(len(journal) + 1):
        whole = sum(1 for record in records(journal, lineage=state.lineage) if record.end - 1 <= length)
        assert truth(read(state, journal[:length])) == prefixes[whole]


def test_every_cut_of_a_journal_below_the_states_head_is_refused(small):
    state, journal, _ = small
    checkpoint = replay(a_state(head=list(records(journal, lineage=state.lineage))[-1].head), SMALL)
    assert truth(read(checkpoint, journal[:-1])) == truth(read(checkpoint, journal))
    for length in range(len(journal) - 1):
        with pytest.raises(StoreError):
            read(checkpoint, journal[:length])


def test_every_cut_of_a_state_is_refused(small):
    _, journal, _ = small
    data = seal(state_to_json(a_state()), tool="0.1.0")
    for length in range(len(data)):
        with pytest.raises(StoreError):
            read_known(WORDS, state=data[:length], journal=journal)


class Told:
    """What a story was promised: entries that are on the disk for sure, and those that were under way."""

    def __init__(self):
        self.sure = []
        self.under_way = []


def story(store, told):
    """Two runs: a first one that buys two servers, and one that releases one of them and buys another."""
    batches = (
        [a_run(*a_purchase("one")), a_purchase("two")],
        [[a_release("one")], a_purchase("three")],
    )
    for run in batches:
        with store.write(command="apply", who="ana", timeout=0) as session:
            if session.state is None:
                session.create("demo", "dev", identity=IDENTITY)
            for batch in run:
                told.under_way = batch
                session.append(batch)
                told.sure.extend(batch)
                told.under_way = []
            session.checkpoint()


def steps_of_the_story():
    disk = NumberedDisk()
    with tempfile.TemporaryDirectory() as folder:
        story(folder_store(Path(folder) / "state", "demo.dev", disk=disk), Told())
    return len(disk.steps)


def require_promises_kept(store, told):
    """Everything promised is known, and nothing that nobody wrote; then the story can go on from there."""
    state = store.load()
    possible = [
        truth(replay(a_state(), [*told.sure, *told.under_way[:more]])) for more in range(len(told.under_way) + 1)
    ]
    known = truth(state) if state else ({}, {})
    assert known in possible
    with store.write(command="apply", who="ana", timeout=0) as session:
        if session.state is None:
            session.create("demo", "dev", identity=IDENTITY)
        before = session.state
        session.append(a_purchase("after"))
        after = session.checkpoint()
    assert truth(after) == truth(replay(before, a_purchase("after")))
    assert after == store.load()
    assert after.serial > before.serial


@pytest.mark.parametrize("torn", [0.0, 0.5, 1.0])
def test_dying_at_any_operation_loses_nothing_that_was_confirmed(tmp_path, torn):
    """The process dies and the system lives: everything that reached it stays."""
    for step in range(1, steps_of_the_story() + 1):
        folder, told = tmp_path / str(step), Told()
        with pytest.raises(Crash):
            story(folder_store(folder, "demo.dev", disk=DyingDisk(step, torn=torn)), told)
        require_promises_kept(folder_store(folder, "demo.dev"), told)
        shutil.rmtree(folder)


@pytest.mark.parametrize("torn", [0.0, 1.0])
def test_a_power_loss_at_any_operation_loses_nothing_that_was_confirmed(tmp_path, torn):
    """The system dies as well: only what was synced stays, under the names that were synced."""
    for step in range(1, steps_of_the_story() + 1):
        folder, told, disk = tmp_path / str(step), Told(), DyingDisk(step, torn=torn)
        with pytest.raises(Crash):
            story(folder_store(folder, "demo.dev", disk=disk), told)
        after = tmp_path / f"{step}-after"
        after.mkdir(mode=0o700)
        for name, content in disk.survivors().items():
            (after / name).write_bytes(content)
        require_promises_kept(folder_store(after, "demo.dev"), told)


def test_a_finished_run_is_on_the_disk_to_the_last_byte(tmp_path):
    disk = DyingDisk(10**6)
    story(folder_store(tmp_path / "state", "demo.dev", disk=disk), Told())
    for name in ("demo.dev.json", "demo.dev.journal", "demo.dev.backup"):
        assert disk.survivors()[name] == (tmp_path / "state" / name).read_bytes()


def test_the_first_state_is_durable_before_it_is_answered(tmp_path):
    disk = DyingDisk(10**6)
    with folder_store(tmp_path / "state", "demo.dev", disk=disk).write(command="apply", who="a", timeout=0) as session:
        session.create("demo", "dev", identity=IDENTITY)
        assert disk.survivors()["demo.dev.json"] == (tmp_path / "state" / "demo.dev.json").read_bytes()


@settings(max_examples=20, deadline=None)
@given(histories(steps=6), st.data())
def test_dying_twice_is_no_worse_than_once(entries, data):
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "state"
        sure = []
        for _ in range(2):
            disk = DyingDisk(data.draw(st.integers(1, 40)))
            try:
                with folder_store(folder, "demo.dev", disk=disk).write(command="apply", who="a", timeout=0) as session:
                    if session.state is None:
                        session.create("demo", "dev", identity=IDENTITY)
                    for entry in entries[len(sure) :]:
                        session.append([entry])
                        sure.append(entry)
                    session.checkpoint()
            except Crash:
                pass
            state = folder_store(folder, "demo.dev").load()
            known = truth(state) if state else ({}, {})
            assert known in [truth(replay(a_state(), entries[: len(sure) + more])) for more in (0, 1)]
            told = folder_store(folder, "demo.dev").history()
            sure = [record for record in told if not isinstance(record.entry, Created)]
