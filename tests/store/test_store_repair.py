"""Writing a rebuilt state: the old files are never lost, and whatever fails or dies, the next repair finds the same truth."""

from __future__ import annotations

import errno
import shutil
from contextlib import suppress

import pytest
from support.builders import IDENTITY, a_purchase, a_run, an_address, an_intent
from support.disks import Crash, DyingDisk, FailingDisk, NumberedDisk
from support.stores import folder_store

from provisioner.disk import Disk
from provisioner.model.diagnostic import StoreError
from provisioner.model.journal import Adopted, Created, Intended, Remembered, RunEnded, RunStarted
from provisioner.model.resource import Phase
from provisioner.model.state import State


@pytest.fixture
def damaged(kept):
    (kept / "demo.dev.json").write_bytes(b"")
    return kept


def a_repair(folder, disk=None):
    """What `state rebuild` does with a store: everything that is still known, told anew."""
    store = folder_store(folder, "demo.dev", disk=disk or Disk())
    with store.repair(command="state rebuild", who="ana", timeout=0) as repair:
        found = repair.salvaged
        state = State("demo", "dev", found.lineage or "a-new-lineage", found.serial + 1, found.identity or IDENTITY)
        told = [entry for recorded in found.resources.values() for entry in retold(recorded)]
        story = [RunStarted("run-9", "state rebuild", "ana", "0.1.0"), *told, RunEnded("run-9", "ended")]
        return found, repair.replace(state, story)


def retold(recorded):
    intent = an_intent(str(recorded.address), declared=recorded.declared, labels=recorded.labels)
    yield Intended(intent)
    yield Adopted(intent.id, recorded.id, "rebuilt", recorded.order_id)
    yield Remembered(recorded.address, Phase.READY, observed=recorded.observed)


def steps_of_a_repair(folder, copy):
    shutil.copytree(folder, copy)
    disk = NumberedDisk()
    a_repair(copy, disk)
    return len(disk.steps)


def test_the_old_files_are_kept_beside_the_new_ones(damaged):
    kept = [path for path in damaged.iterdir() if path.suffix != ".lock" and path.name != ".gitignore"]
    before = {path.name: path.read_bytes() for path in kept}
    found, replaced = a_repair(damaged)
    assert {name.partition(".before-")[0]: (damaged / name).read_bytes() for name in replaced.aside} == before
    state = folder_store(damaged, "demo.dev").load()
    assert state == replaced.state
    assert state.resources.keys() == found.resources.keys() == {an_address("trainer[0]"), an_address("gateway")}
    assert state.serial > found.serial
    assert state.lineage == found.lineage


def test_the_new_journal_begins_with_who_rebuilt_it(damaged):
    a_repair(damaged)
    created, first, *_ = folder_store(damaged, "demo.dev").history()
    assert created.entry == Created("demo", "dev", IDENTITY)
    assert first.entry == RunStarted("run-9", "state rebuild", "ana", "0.1.0")


def test_runs_go_on_after_it(damaged, writing):
    a_repair(damaged)
    with writing() as session:
        session.append(a_run(*a_purchase("more")))
        assert an_address("more") in session.checkpoint().resources


def test_an_old_copy_put_back_over_a_rebuilt_state_is_noticed(damaged):
    backup = (damaged / "demo.dev.backup").read_bytes()
    a_repair(damaged)
    (damaged / "demo.dev.json").write_bytes(backup)
    with pytest.raises(StoreError) as caught:
        folder_store(damaged, "demo.dev").load()
    assert caught.value.diagnostics[0].code in {"journal-damaged", "state-older"}
    found, _ = a_repair(damaged)
    assert found.is_complete
    assert len(found.resources) == 2


@pytest.mark.parametrize("error_number", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EACCES])
def test_whichever_operation_fails_nothing_is_lost_and_it_can_be_done_again(damaged, tmp_path, error_number):
    for step in range(1, steps_of_a_repair(damaged, tmp_path / "counted") + 1):
        folder = tmp_path / f"at-{step}"
        shutil.copytree(damaged, folder)
        with pytest.raises(StoreError) as caught:
            a_repair(folder, FailingDisk(step, error_number, for_good=True))
        assert caught.value.diagnostics[0].code in {"rebuild-not-written", "lock-unusable"}
        require_the_same_truth(folder)


@pytest.mark.parametrize("torn", [0.0, 0.5])
def test_dying_at_any_operation_loses_nothing(damaged, tmp_path, torn):
    for step in range(1, steps_of_a_repair(damaged, tmp_path / "counted") + 1):
        folder = tmp_path / f"at-{step}"
        shutil.copytree(damaged, folder)
        with pytest.raises(Crash):
            a_repair(folder, DyingDisk(step, torn=torn))
        require_the_same_truth(folder)


def require_the_same_truth(folder):
    """Refused, or the new state; and another repair leads there in any case."""
    wanted = {an_address("trainer[0]"), an_address("gateway")}
    with suppress(StoreError):
        assert folder_store(folder, "demo.dev").load().resources.keys() == wanted
    found, replaced = a_repair(folder)
    assert found.is_complete
    assert replaced.state.resources.keys() == wanted
    assert folder_store(folder, "demo.dev").load() == replaced.state


def test_a_file_that_changes_while_a_person_decides_is_left_as_it_is(damaged):
    store = folder_store(damaged, "demo.dev")
    with store.repair(command="state rebuild", who="ana", timeout=0) as repair:
        (damaged / "demo.dev.json").write_bytes(b"somebody else's")
        with pytest.raises(StoreError) as caught:
            repair.replace(State("demo", "dev", "lineage", 9, IDENTITY), [])
    assert "was changed while it was being looked at" in str(caught.value)
    assert (damaged / "demo.dev.json").read_bytes() == b"somebody else's"
    assert not list(damaged.glob("*.before-*"))


def test_a_story_that_contradicts_itself_is_not_written(damaged):
    store = folder_store(damaged, "demo.dev")
    with store.repair(command="state rebuild", who="ana", timeout=0) as repair, pytest.raises(StoreError) as caught:
        repair.replace(State("demo", "dev", "", 9, IDENTITY), [])
    assert caught.value.diagnostics[0].code == "state-invalid"
    assert (damaged / "demo.dev.json").read_bytes() == b""


def test_a_state_is_not_rebuilt_under_another_name(damaged):
    store = folder_store(damaged, "demo.dev")
    with store.repair(command="state rebuild", who="ana", timeout=0) as repair, pytest.raises(StoreError) as caught:
        repair.replace(State("other", None, "lineage", 9, IDENTITY), [])
    assert caught.value.diagnostics[0].code == "state-foreign"


def test_where_nothing_stands_there_is_nothing_to_salvage(tmp_path):
    store = folder_store(tmp_path / "state", "demo.dev")
    with store.repair(command="state rebuild", who="ana", timeout=0) as repair:
        found = repair.salvaged
    assert found.is_empty
    assert not found.damage
    assert (found.lineage, found.identity, found.serial, found.is_complete) == (None, None, 0, False)
    assert [part.found for part in found.parts] == ["missing"] * 3


def test_whole_files_are_no_damage(kept):
    with folder_store(kept, "demo.dev").repair(command="state rebuild", who="ana", timeout=0) as repair:
        found = repair.salvaged
    assert not found.damage
    assert found.is_complete
    assert not found.is_empty


def test_nobody_else_works_meanwhile(damaged):
    store = folder_store(damaged, "demo.dev")
    with store.repair(command="state rebuild", who="ana", timeout=0):
        assert store.holder().command == "state rebuild"
