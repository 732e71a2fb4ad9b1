"""A renaming that dies at any step, and a power failure there: the state is whole under one of both names, and never under both."""

from __future__ import annotations

import pytest
from support.builders import IDENTITY, a_purchase, a_run, an_intent
from support.disks import Crash, DyingDisk
from support.stores import folder_store

from provisioner.model.diagnostic import StoreError
from provisioner.model.journal import Intended, Renamed, RunEnded, RunStarted
from provisioner.store.high_water_marks import HighWaterMarks

ENTRIES = (
    RunStarted("run-9", "state rename", "ana@laptop", "0.1.0"),
    Renamed("demo", "dev", "demo"),
    RunEnded("run-9", "ended"),
)


def rename(folder, disk=None, marks=None, label="demo.dev"):
    store = folder_store(folder, "demo", disk=disk, marks=marks)
    return store.rename(label, ENTRIES, command="state rename", who="ana@laptop", timeout=0)


def begin(folder, disk=None, marks=None):
    """Two runs, so that there is a backup; the second one left a purchase in doubt behind its checkpoint."""
    folder.mkdir(parents=True, exist_ok=True)
    store = folder_store(folder, "demo", disk=disk, marks=marks)
    with store.write(command="apply", who="ana", timeout=0) as session:
        session.create("demo", None, identity=IDENTITY)
        session.append(a_run(*a_purchase("one")))
        session.checkpoint()
    with store.write(command="apply", who="ana", timeout=0) as session:
        session.append(a_run(Intended(an_intent("two"))))


def known(folder, label, marks=None):
    """The state under a name; None where there is none, and what is refused."""
    try:
        return folder_store(folder, label, marks=marks).load()
    except StoreError as refusal:
        return refusal.diagnostics[0].code


def is_whole(state):
    return not isinstance(state, str | None) and (len(state.resources), len(state.intents)) == (1, 1)


def deaths(folder):
    """How many steps on the disk a renaming takes, and how many come before it."""
    disk = DyingDisk(10**9)
    begin(folder, disk)
    before = len(disk.steps)
    rename(folder, disk)
    return before, len(disk.steps)


def test_a_death_at_any_step_leaves_one_state_and_the_same_command_completes_it(tmp_path):
    before, after = deaths(tmp_path / "counted")
    for at in range(before + 1, after + 1):
        for kind in ("death", "power failure"):
            folder = tmp_path / f"{kind} {at}"
            disk, marks = DyingDisk(at), HighWaterMarks(folder / "marks")
            state = folder / "state"
            begin(state, disk, marks)
            with pytest.raises(Crash):
                rename(state, disk, marks)
            if kind == "power failure":
                survivors = disk.survivors()
                for file in state.iterdir():
                    file.unlink()
                for name, data in survivors.items():
                    (state / name).write_bytes(data)
            found = [known(state, "demo", marks), known(state, "demo.dev", marks)]
            assert sum(map(is_whole, found)) == 1, (at, kind, found)
            assert {one for one in found if isinstance(one, str)} <= {"state-missing"}, (at, kind, found)
            assert is_whole(rename(state, marks=marks)), (at, kind)
            assert known(state, "demo", marks) is None
            assert is_whole(known(state, "demo.dev", marks))
            assert folder_store(state, "demo.dev").verify().torn == 0
            assert {file.name.removeprefix("demo.dev.") for file in state.iterdir()} <= {
                "json", "journal", "backup", "lock", "demo.lock", ".demo.dev.json.new", ".gitignore",
            }  # fmt: skip


def test_what_a_run_did_after_a_renaming_that_died_early_is_not_lost(tmp_path):
    before, after = deaths(tmp_path / "counted")
    for at in range(before + 1, after):
        folder = tmp_path / str(at)
        disk = DyingDisk(at)
        begin(folder, disk)
        with pytest.raises(Crash):
            rename(folder, disk)
        if not is_whole(known(folder, "demo")):
            break
        with folder_store(folder, "demo").write(command="apply", who="ana", timeout=0) as session:
            session.append(a_run(*a_purchase("three")))
            session.checkpoint()
        assert {str(address) for address in rename(folder).resources} == {"one", "three"}
    else:
        pytest.fail("no death came after the state had moved")


def test_copies_of_a_rebuild_move_along(tmp_path):
    begin(tmp_path)
    (tmp_path / "demo.json.before-20261128T070000.000Z").write_text("{}")
    (tmp_path / "demo.journal-1").write_text("")
    (tmp_path / "other.json").write_text("{}")
    rename(tmp_path)
    names = {file.name for file in tmp_path.iterdir()}
    assert {"demo.dev.json.before-20261128T070000.000Z", "demo.dev.journal-1", "other.json"} <= names
    assert folder_store(tmp_path, "demo.dev").siblings().unread.keys() == {"other"}


def test_an_older_copy_under_the_old_name_is_still_found_out(tmp_path):
    """What a user has seen of a state counts under any name."""
    state, marks = tmp_path / "state", HighWaterMarks(tmp_path / "marks")
    begin(state, marks=marks)
    kept = {file.name: file.read_bytes() for file in state.iterdir()}
    rename(state, marks=marks)
    assert is_whole(known(state, "demo.dev", marks))
    for name, data in kept.items():
        (state / name).write_bytes(data)
    assert known(state, "demo", marks) == "state-older"


def test_files_that_a_person_has_renamed_are_refused_with_the_way_to_do_it(tmp_path):
    begin(tmp_path)
    for end in ("json", "journal", "backup"):
        (tmp_path / f"demo.{end}").rename(tmp_path / f"demo.dev.{end}")
    with pytest.raises(StoreError) as caught:
        folder_store(tmp_path, "demo.dev").load()
    (finding,) = caught.value.diagnostics
    assert finding.code == "state-foreign"
    assert "provisioner state rename demo demo.dev" in finding.hint


def test_a_damaged_state_that_was_renamed_is_mended_as_that_of_its_new_owner(tmp_path):
    begin(tmp_path)
    rename(tmp_path)
    journal = tmp_path / "demo.dev.journal"
    journal.write_bytes(journal.read_bytes().replace(b"intent-for-two", b"intent-for-tw0", 1))
    assert known(tmp_path, "demo.dev") == "journal-damaged"
    with folder_store(tmp_path, "demo.dev").repair(command="state rebuild", who="ana", timeout=0) as repair:
        assert {str(address) for address in repair.salvaged.resources} == {"one"}
