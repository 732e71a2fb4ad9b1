"""Properties of every journal, whatever was bought and wherever it is cut, corrupted or interrupted.

One cut cannot be detected: a journal cut at the end of a record after the state's head reads as a shorter journal.
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


def known_facts(state):
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
            case Intended(intent):
                purchases.pop(intent.id, None)
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
    """After a crash between an answer and its record, the last fact is written once more."""
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
    assert known_facts(read(start, first + rest)) == known_facts(read(checkpoint, first + rest))


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
    """A state, the bytes of its journal, and the known facts after each prefix of the journal."""
    journal, _ = lines_of(SMALL, state=a_state())
    prefixes = [known_facts(replay(a_state(), SMALL[:count])) for count in range(len(SMALL) + 1)]
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
        assert known_facts(read(state, journal[:length])) == prefixes[whole]


def test_every_cut_of_a_journal_below_the_states_head_is_refused(small):
    state, journal, _ = small
    checkpoint = replay(a_state(head=list(records(journal, lineage=state.lineage))[-1].head), SMALL)
    assert known_facts(read(checkpoint, journal[:-1])) == known_facts(read(checkpoint, journal))
    for length in range(len(journal) - 1):
        with pytest.raises(StoreError):
            read(checkpoint, journal[:length])


def test_every_cut_of_a_state_is_refused(small):
    _, journal, _ = small
    data = seal(state_to_json(a_state()), tool="0.1.0")
    for length in range(len(data)):
        with pytest.raises(StoreError):
            read_known(WORDS, state=data[:length], journal=journal)


class Progress:
    """The entries that were confirmed to be on disk, and those that were being written."""

    def __init__(self):
        self.confirmed = []
        self.under_way = []


def run_two_runs(store, progress):
    """Performs two runs: the first buys two servers, the second releases one of them and buys another."""
    batches = (
        [a_run(*a_purchase("one")), a_purchase("two")],
        [[a_release("one")], a_purchase("three")],
    )
    for run in batches:
        with store.write(command="apply", who="ana", timeout=0) as session:
            if session.state is None:
                session.create("demo", "dev", identity=IDENTITY)
            for batch in run:
                progress.under_way = batch
                session.append(batch)
                progress.confirmed.extend(batch)
                progress.under_way = []
            session.checkpoint()


def count_steps():
    disk = NumberedDisk()
    with tempfile.TemporaryDirectory() as folder:
        run_two_runs(folder_store(Path(folder) / "state", "demo.dev", disk=disk), Progress())
    return len(disk.steps)


def require_promises_kept(store, progress):
    """Checks that everything confirmed is known, and nothing else but what was being written; then another run can go on."""
    state = store.load()
    possible = [
        known_facts(replay(a_state(), [*progress.confirmed, *progress.under_way[:more]]))
        for more in range(len(progress.under_way) + 1)
    ]
    known = known_facts(state) if state else ({}, {})
    assert known in possible
    with store.write(command="apply", who="ana", timeout=0) as session:
        if session.state is None:
            session.create("demo", "dev", identity=IDENTITY)
        before = session.state
        session.append(a_purchase("after"))
        after = session.checkpoint()
    assert known_facts(after) == known_facts(replay(before, a_purchase("after")))
    assert after == store.load()
    assert after.serial > before.serial


@pytest.mark.parametrize("torn", [0.0, 0.5, 1.0])
def test_dying_at_any_operation_loses_nothing_that_was_confirmed(tmp_path, torn):
    """The process crashes, but not the system, so everything that was written stays."""
    for step in range(1, count_steps() + 1):
        folder, progress = tmp_path / str(step), Progress()
        with pytest.raises(Crash):
            run_two_runs(folder_store(folder, "demo.dev", disk=DyingDisk(step, torn=torn)), progress)
        require_promises_kept(folder_store(folder, "demo.dev"), progress)
        shutil.rmtree(folder)


@pytest.mark.parametrize("torn", [0.0, 1.0])
def test_a_power_loss_at_any_operation_loses_nothing_that_was_confirmed(tmp_path, torn):
    """The system crashes as well, so only what was synced stays, under the names that were synced."""
    for step in range(1, count_steps() + 1):
        folder, progress, disk = tmp_path / str(step), Progress(), DyingDisk(step, torn=torn)
        with pytest.raises(Crash):
            run_two_runs(folder_store(folder, "demo.dev", disk=disk), progress)
        after = tmp_path / f"{step}-after"
        after.mkdir(mode=0o700)
        for name, content in disk.survivors().items():
            (after / name).write_bytes(content)
        require_promises_kept(folder_store(after, "demo.dev"), progress)


def test_a_finished_run_is_on_the_disk_to_the_last_byte(tmp_path):
    disk = DyingDisk(10**6)
    run_two_runs(folder_store(tmp_path / "state", "demo.dev", disk=disk), Progress())
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
        confirmed = []
        for _ in range(2):
            disk = DyingDisk(data.draw(st.integers(1, 40)))
            try:
                with folder_store(folder, "demo.dev", disk=disk).write(command="apply", who="a", timeout=0) as session:
                    if session.state is None:
                        session.create("demo", "dev", identity=IDENTITY)
                    for entry in entries[len(confirmed) :]:
                        session.append([entry])
                        confirmed.append(entry)
                    session.checkpoint()
            except Crash:
                pass
            state = folder_store(folder, "demo.dev").load()
            known = known_facts(state) if state else ({}, {})
            assert known in [known_facts(replay(a_state(), entries[: len(confirmed) + more])) for more in (0, 1)]
            records = folder_store(folder, "demo.dev").history()
            confirmed = [record for record in records if not isinstance(record.entry, Created)]
