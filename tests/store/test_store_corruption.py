"""Whatever befalls the bytes of a small state and its journal: refused with a way out, or read as what they said before.

And what is left of them is salvaged: never an error of its own, never less than the undamaged part says.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.builders import IDENTITY, a_purchase, a_release, a_run, an_intent
from support.depth import DEEP
from support.run_counters import RunCounters
from support.stores import folder_store

from provisioner.model.diagnostic import StoreError
from provisioner.model.journal import Adopted, Intended, Settled
from provisioner.store.contract import DamagedParts
from provisioner.store.folder.files import Files
from provisioner.store.known_state import read_known
from provisioner.store.salvage import salvage

pytestmark = pytest.mark.crash_part("corruption")

CODES = {"state-damaged", "state-missing", "state-older", "journal-damaged", "journal-missing"}


@dataclass(frozen=True)
class Kept:
    files: Files
    remains: DamagedParts
    resources: dict
    intents: dict
    counters: RunCounters

    def read(self, **altered):
        self.counters.runs += 1
        remains = {"state": self.remains.state, "journal": self.remains.journal} | altered
        return read_known(self.files.words, **remains).state

    def salvaged(self, **altered):
        self.counters.runs += 1
        all_of_it = {name: getattr(self.remains, name) for name in ("state", "backup", "journal")} | altered
        return salvage(self.files.words, DamagedParts(**all_of_it), damage=())


@pytest.fixture
def kept(small_pair, counters):
    return replace(small_pair, counters=counters)


@pytest.fixture(scope="module")
def small_pair(tmp_path_factory):
    """Two runs and a death: a server bought, one bought and released, one in doubt."""
    folder = tmp_path_factory.mktemp("kept") / "state"
    store = folder_store(folder, "demo.dev")
    for entries, checkpoint in (
        (a_run(*a_purchase("one"), *a_purchase("two")), True),
        (a_run(a_release("two")), True),
        ([Intended(an_intent("three"))], False),
    ):
        with store.write(command="apply", who="ana", timeout=0) as session:
            if session.state is None:
                session.create("demo", "dev", identity=IDENTITY)
            session.append(entries)
            if checkpoint:
                session.checkpoint()
    files = Files(Path("state"), "demo.dev")
    parts = [(folder / f"demo.dev.{suffix}").read_bytes() for suffix in ("json", "backup", "journal")]
    state = store.load()
    return Kept(files, DamagedParts(*parts), dict(state.resources), dict(state.intents), RunCounters("", ""))


def require_way_out(refusal, path):
    """Or the name of the newer version that it seems to be from, when the flipped byte is the format's number."""
    (finding,) = refusal.value.diagnostics
    if finding.code == "state-format":
        assert "written by version" in finding.summary
        return
    assert finding.code in CODES
    assert str(path) in finding.summary
    assert "Nothing was changed" in finding.hint
    assert "`provisioner state rebuild`" in finding.hint


def changed(data, position, value):
    return data[:position] + bytes([value]) + data[position + 1 :]


VARIANTS = 6
"""At most: a byte may be one of them already."""


def variants(byte):
    return {byte ^ 1, byte ^ 0x80, 0, ord(" "), ord('"'), ord("\n")} - {byte}


def test_any_byte_of_a_state_that_is_another_one(kept):
    """The backup and the journal lead to what it said."""
    data = kept.remains.state
    kept.counters.points, kept.counters.kinds = len(data), VARIANTS
    for position, byte in [*enumerate(data)][:: 1 if DEEP else 4]:
        for value in variants(byte):
            with pytest.raises(StoreError) as refusal:
                kept.read(state=changed(data, position, value))
        require_way_out(refusal, kept.files.state)
        altered = changed(data, position, byte ^ 1)
        if b'"format": 3' in altered:
            continue  # nothing is salvaged past a file of a version that is not known here
        found = kept.salvaged(state=altered)
        assert (found.resources, found.intents) == (kept.resources, kept.intents)
        assert found.is_complete


def test_any_byte_of_a_journal_that_is_another_one(kept):
    """The state leads to what it said, but for a line behind the state's head."""
    data = kept.remains.journal
    last = data.rindex(b"\n", 0, len(data) - 1)
    kept.counters.points, kept.counters.kinds = len(data), VARIANTS
    for position, byte in [*enumerate(data)][:: 1 if DEEP else 4]:
        for value in variants(byte):
            with pytest.raises(StoreError) as refusal:
                kept.read(journal=changed(data, position, value))
        require_way_out(refusal, kept.files.journal)
        found = kept.salvaged(journal=changed(data, position, byte ^ 1))
        assert found.resources == kept.resources
        assert found.is_complete == (position < last)
        assert found.intents == (kept.intents if position < last else {})


def test_a_state_cut_anywhere(kept):
    kept.counters.points = len(kept.remains.state)
    for length in range(len(kept.remains.state)):
        with pytest.raises(StoreError) as refusal:
            kept.read(state=kept.remains.state[:length])
        require_way_out(refusal, kept.files.state)
        found = kept.salvaged(state=kept.remains.state[:length])
        assert (found.resources, found.intents) == (kept.resources, kept.intents)


def test_a_journal_cut_anywhere(kept):
    """Behind the state's head a cut reads as a journal that was never written on: the torn record was confirmed to nobody."""
    data = kept.remains.journal
    last = data.rindex(b"\n", 0, len(data) - 1) + 1
    kept.counters.points = len(data)
    for length in range(len(data)):
        found = kept.salvaged(journal=data[:length])
        assert found.resources == kept.resources
        if length >= last - 1:
            assert kept.read(journal=data[:length]).resources == kept.resources
            continue
        with pytest.raises(StoreError) as refusal:
            kept.read(journal=data[:length])
        require_way_out(refusal, kept.files.journal)
        assert not found.is_complete


def test_a_key_of_a_state_that_stands_twice(kept):
    lines = kept.remains.state.splitlines(keepends=True)
    for number, line in enumerate(lines):
        if b'": ' in line and line.rstrip().endswith(b","):
            kept.counters.points += 1
            with pytest.raises(StoreError) as refusal:
                kept.read(state=b"".join([*lines[:number], line, line, *lines[number + 1 :]]))
            assert "twice in one object" in str(refusal.value)
            require_way_out(refusal, kept.files.state)


def test_a_state_that_is_older_than_its_journal(kept):
    """The backup is of serial 2, and the line of the run that died was written beside serial 3."""
    with pytest.raises(StoreError) as refusal:
        kept.read(state=kept.remains.backup)
    assert refusal.value.diagnostics[0].code == "state-older"
    assert "serial 2" in str(refusal.value)
    assert "serial 3" in str(refusal.value)
    require_way_out(refusal, kept.files.state)
    found = kept.salvaged(state=kept.remains.backup, backup=None)
    assert (found.resources, found.intents) == (kept.resources, kept.intents)
    assert found.is_complete


@pytest.mark.parametrize(
    "content", [bytes(100_000_000), b"[" * 100_000, b'{"a":' * 300 + b"1" + b"}" * 300, b" " * 100_000_000]
)
def test_a_huge_or_deep_file(kept, content):
    with pytest.raises(StoreError) as refusal:
        kept.read(state=content)
    require_way_out(refusal, kept.files.state)
    with pytest.raises(StoreError) as refusal:
        kept.read(journal=content)
    require_way_out(refusal, kept.files.journal)
    found = kept.salvaged(state=content, journal=kept.remains.journal + content)
    assert found.resources == kept.resources


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_what_is_salvaged_of_anything_is_never_an_error_of_its_own(kept, data):
    """Pieces of the real files in any order, with anything between them."""
    whole = kept.remains
    lines = [*whole.journal.splitlines(keepends=True), *whole.state.splitlines(keepends=True)]
    piece = st.one_of(
        st.sampled_from(lines), st.binary(max_size=30), st.sampled_from(lines).map(lambda line: line[:-9])
    )
    files = st.one_of(
        st.none(),
        st.sampled_from([whole.state, whole.backup, whole.journal]),
        st.lists(piece, max_size=12).map(b"".join),
    )
    remains = DamagedParts(data.draw(files), data.draw(files), data.draw(files))
    kept.counters.points += 1
    kept.counters.runs += 1
    found = outcome(kept.files, remains)
    if isinstance(found, str):
        assert found in {"rebuild-conflict", "state-format", "journal-format"}
        return
    owners = Counter(one.id for one in found.resources.values() if one.id)
    assert all(count == 1 for count in owners.values())
    purchases = Counter(one.address for one in found.intents.values())
    assert all(count == 1 for count in purchases.values())


def outcome(files, remains):
    try:
        return salvage(files.words, remains, damage=())
    except StoreError as refusal:
        return refusal.diagnostics[0].code


def test_a_torn_last_line_is_neither_damage_nor_counted(kept):
    torn = kept.remains.journal + kept.remains.journal.splitlines()[-1][:80]
    assert kept.read(journal=torn).intents == kept.intents
    assert kept.salvaged(journal=torn).is_complete


def test_lines_behind_the_damage_are_believed_one_by_one(kept):
    """Neither state nor backup: what `one` was bought with is unreadable, and everything after it still counts."""
    lines = kept.remains.journal.splitlines(keepends=True)
    lines[2] = b"unreadable\n"
    found = kept.salvaged(state=None, backup=None, journal=b"".join(lines))
    assert {str(facts.address): facts.id for facts in found.unplaced} == {}
    assert found.unattributed_ids == ("id-of-one", "CS1")
    assert found.intents == kept.intents
    assert not found.is_complete
    assert found.lineage is not None
    assert "1 unreadable; the first is line 3" in found.parts[1].found


@pytest.fixture
def ghosts(tmp_path):
    """A purchase that was believed absent, with a checkpoint since; another one after that, and neither is anywhere else."""
    folder = tmp_path / "state"
    store = folder_store(folder, "demo.dev")
    for address in ("first", "second"):
        with store.write(command="apply", who="ana", timeout=0) as session:
            if session.state is None:
                session.create("demo", "dev", identity=IDENTITY)
            intent = an_intent(address)
            session.append(a_run(Intended(intent), Settled(intent.id, "absent", "nothing fits"), *a_purchase("one")))
            if address == "first":
                session.checkpoint()
    return folder


def salvaged_in(folder):
    with folder_store(folder, "demo.dev").repair(command="state rebuild", who="ana", timeout=0) as repair:
        return repair.salvaged


@pytest.mark.parametrize("lost", [[], ["json"], ["json", "backup"], ["journal"]])
def test_purchases_that_were_believed_absent_are_salvaged(ghosts, lost):
    before = folder_store(ghosts, "demo.dev").load().absent
    for suffix in lost:
        (ghosts / f"demo.dev.{suffix}").unlink()
    found = salvaged_in(ghosts).absent
    assert [str(intent.address) for intent in before.values()] == ["first", "second"]
    assert found == (before if lost != ["journal"] else {key: before[key] for key in [*before][:1]})


def test_a_ghost_that_was_adopted_behind_the_damage_is_no_stray(ghosts):
    with folder_store(ghosts, "demo.dev").write(command="resolve", who="ana", timeout=0) as session:
        session.append([Adopted("intent-for-second", "late", "decided by ana")])
    journal = ghosts / "demo.dev.journal"
    lines = journal.read_bytes().splitlines(keepends=True)
    (ghosts / "demo.dev.json").unlink()
    (ghosts / "demo.dev.backup").unlink()
    journal.write_bytes(b"".join([*lines[:2], b"unreadable\n", *lines[3:]]))
    found = salvaged_in(ghosts)
    assert "late" in {one.id for one in found.resources.values()}
    assert "late" not in found.unattributed_ids
    assert "intent-for-second" not in found.absent


def test_the_journal_alone_tells_whose_it_is(kept):
    found = kept.salvaged(state=None, backup=None)
    assert found.lineage == kept.salvaged().lineage
    assert (found.resources, found.intents) == (kept.resources, kept.intents)
    assert found.is_complete


def test_two_histories_are_not_mixed(kept, tmp_path):
    other = folder_store(tmp_path / "other", "demo.dev")
    with other.write(command="apply", who="ana", timeout=0) as session:
        session.create("demo", "dev", identity=IDENTITY)
        session.append(a_purchase("elsewhere"))
    with pytest.raises(StoreError) as refusal:
        kept.salvaged(journal=(tmp_path / "other" / "demo.dev.journal").read_bytes())
    assert refusal.value.diagnostics[0].code == "rebuild-conflict"
    assert "Nothing was changed" in refusal.value.diagnostics[0].hint
