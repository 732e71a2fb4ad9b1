"""A state put back from an older copy: what this user has seen of it says so, and stops what would buy again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.builders import IDENTITY, an_address, an_intent
from support.stores import folder_store

from provisioner.model.diagnostic import StoreError
from provisioner.model.journal import Answered, Intended, RunEnded, RunStarted
from provisioner.model.state import JournalHead, State
from provisioner.store import high_water_mark_folder, open_store
from provisioner.store.high_water_marks import HighWaterMark, HighWaterMarks


@pytest.fixture
def marks(tmp_path):
    return HighWaterMarks(tmp_path / "home" / "lineages")


@pytest.fixture
def store(tmp_path, marks):
    return folder_store(tmp_path / "state", "demo.dev", marks=marks)


def writing(store):
    return store.write(command="apply", who="ana", timeout=0)


@pytest.fixture
def copied(store, tmp_path):
    """The folder as it was before the purchase."""
    with writing(store) as session:
        session.create("demo", "dev", identity=IDENTITY)
    shutil.copytree(tmp_path / "state", tmp_path / "copy")
    return tmp_path / "copy"


def buy(store, name="gateway", *, to_the_end=True):
    with writing(store) as session:
        session.append([Intended(an_intent(name))])
        if to_the_end:
            session.append([Answered(f"intent-for-{name}", 200, id=f"id-of-{name}")])
            session.checkpoint()


def put_back(copied, store):
    folder = Path(store.location).parent
    shutil.rmtree(folder)
    shutil.copytree(copied, folder)


def refused(work):
    with pytest.raises(StoreError) as caught:
        work()
    (finding,) = caught.value.diagnostics
    return finding


def enter(context):
    with context:
        pass


@pytest.mark.parametrize("to_the_end", [True, False], ids=["recorded", "died after it was announced"])
def test_an_older_copy_is_refused_by_readers_and_writers(store, copied, to_the_end):
    buy(store, to_the_end=to_the_end)
    put_back(copied, store)
    for work in (store.load, lambda: enter(writing(store)), store.verify, lambda: list(store.history())):
        assert refused(work).code == "state-older"


def test_it_says_where_the_newest_stands(store, copied, marks):
    buy(store)
    finding = refused(folder_store(copied, "demo.dev", marks=marks).load)
    assert store.location in finding.summary
    assert "serial 1 and 0 records" in finding.summary
    assert "state rebuild" in finding.hint


def test_the_newest_may_be_moved(store, copied, marks, tmp_path):
    buy(store)
    shutil.move(tmp_path / "state", tmp_path / "elsewhere")
    moved = folder_store(tmp_path / "elsewhere", "demo.dev", marks=marks)
    assert moved.load() is not None
    buy(moved, "worker")


def test_the_backup_beside_the_whole_journal_is_no_older_copy(store, copied):
    buy(store)
    state = Path(store.location)
    state.with_suffix(".backup").replace(state)
    assert an_address("gateway") in store.load().resources


def test_a_rebuild_by_somebody_else_is_gone_on_from(store, copied, tmp_path):
    buy(store)
    theirs = folder_store(tmp_path / "state", "demo.dev", marks=HighWaterMarks(tmp_path / "another home"))
    with theirs.repair(command="state rebuild", who="ben", timeout=0) as repair:
        begun = [RunStarted("run-9", "state rebuild", "ben", "0.1.0"), RunEnded("run-9", "ended")]
        repair.replace(emptied(repair.salvaged.lineage, repair.salvaged.serial + 1), begun)
    assert store.load() is not None


def test_an_older_copy_that_somebody_else_went_on_from_is_one_still(store, copied, tmp_path):
    """Its serial has grown past the mark, and what this user has seen is still missing from it."""
    buy(store)
    put_back(copied, store)
    theirs = folder_store(tmp_path / "state", "demo.dev", marks=HighWaterMarks(tmp_path / "another home"))
    for address in ("theirs[0]", "theirs[1]", "theirs[2]"):
        buy(theirs, address)
    with pytest.raises(StoreError, match="older copy"):
        store.load()


def test_who_has_seen_less_goes_on_from_what_others_wrote(store, copied, tmp_path):
    buy(folder_store(tmp_path / "state", "demo.dev", marks=HighWaterMarks(tmp_path / "another home")))
    buy(store, "worker")
    assert len(store.load().resources) == 2


def test_an_unreadable_sibling_is_told_from_one_that_owns_nothing(store, copied, tmp_path, marks):
    buy(store)
    put_back(copied, store)
    assert "older copy" in folder_store(tmp_path / "state", "other", marks=marks).siblings().unread["demo.dev"]


def test_a_rebuild_of_an_older_copy_knows_that_records_are_missing_and_counts_on(store, copied):
    buy(store)
    newest = store.load().serial
    put_back(copied, store)
    with store.repair(command="state rebuild", who="ana", timeout=0) as repair:
        assert [finding.code for finding in repair.salvaged.damage] == ["state-older"]
        assert not repair.salvaged.is_complete
        assert repair.salvaged.serial >= newest
        lineage = repair.salvaged.lineage
        state = emptied(lineage, repair.salvaged.serial + 1)
        repair.replace(state, [])
    assert store.load().serial == newest + 1


def emptied(lineage, serial):
    return State(stack="demo", environment="dev", lineage=lineage, serial=serial, identity=IDENTITY)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"format": 2}', b'{"format": 1, "lineage": "another", "serial": 9}', b"\xff" * 70_000],
)
def test_what_cannot_be_read_was_not_seen(store, copied, content, tmp_path):
    buy(store)
    put_back(copied, store)
    (note,) = (tmp_path / "home" / "lineages").glob("*.json")
    note.write_bytes(content)
    assert store.load() is not None


def test_a_home_that_cannot_be_written_costs_no_run(tmp_path):
    (tmp_path / "home").write_text("a file")
    store = folder_store(tmp_path / "state", "demo.dev", marks=HighWaterMarks(tmp_path / "home" / "lineages"))
    with writing(store) as session:
        session.create("demo", "dev", identity=IDENTITY)
    buy(store)
    assert an_address("gateway") in store.load().resources


@pytest.mark.parametrize("lineage", ["", "../../etc/passwd", "a/b", "a" * 65, "ä"])
def test_a_lineage_that_is_no_name_is_no_path(marks, lineage, tmp_path):
    marks.save(lineage, HighWaterMark(1, JournalHead(), "here"))
    assert marks.load(lineage) is None
    assert not (tmp_path / "home").exists()


def test_it_stands_with_the_user(tmp_path):
    assert high_water_mark_folder({"XDG_STATE_HOME": "/s"}, tmp_path) == Path("/s/provisioner/lineages")
    assert (
        high_water_mark_folder({"XDG_STATE_HOME": "relative"}, tmp_path)
        == tmp_path / ".local/state/provisioner/lineages"
    )
    assert high_water_mark_folder({}, tmp_path) == tmp_path / ".local/state/provisioner/lineages"


def test_without_a_place_nobody_watches(copied):
    assert open_store(copied, "demo.dev").load() is not None
