from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.builders import IDENTITY, a_purchase, a_release, a_run, an_address
from support.stores import folder_store

from provisioner.disk import Disk
from provisioner.model.diagnostic import StoreError
from provisioner.model.journal import Created, Remembered, RunStarted
from provisioner.model.resource import Phase
from provisioner.model.state import JournalHead
from provisioner.store import open_store


def code_of(caught):
    return caught.value.diagnostics[0].code


def test_before_the_first_run_there_is_nothing_and_looking_leaves_no_trace(store, folder):
    assert store.load() is None
    assert store.holder() is None
    assert list(store.history()) == []
    assert store.warnings == ()
    assert not folder.exists()


def test_a_first_run_that_only_looked_leaves_nothing_owned(store):
    with store.write(command="apply", who="ana", timeout=0) as session:
        assert session.state is None
    assert store.load() is None


def test_the_first_state_is_on_disk_before_the_journal_begins(store, folder):
    with store.write(command="apply", who="ana", timeout=0) as session:
        state = session.create("demo", "dev", identity=IDENTITY)
        assert store.load() == state == session.state
        assert not (folder / "demo.dev.journal").exists()
    assert state.serial == 1
    assert state.identity == IDENTITY
    assert state.head == JournalHead()


def test_every_stack_gets_a_lineage_of_its_own(tmp_path, writing):
    lineages = set()
    for name in ("one", "two"):
        with writing(open_store(tmp_path / name, "demo.dev")) as session:
            lineages.add(session.state.lineage)
    assert len(lineages) == 2


def test_an_existing_state_is_not_created_again(kept, writing):
    with writing() as session, pytest.raises(StoreError) as caught:
        session.create("demo", "dev", identity=IDENTITY)
    assert code_of(caught) == "state-exists"


def test_a_state_is_not_created_under_another_name(store, folder):
    with store.write(command="apply", who="ana", timeout=0) as session, pytest.raises(StoreError) as caught:
        session.create("other", None, identity=IDENTITY)
    assert code_of(caught) == "state-foreign"
    assert store.load() is None


def test_what_was_appended_is_seen_by_others_at_once_without_a_checkpoint(store, writing):
    with writing() as session:
        head = session.append(a_purchase())
        seen = store.load()
    assert seen.head == head == JournalHead(4, head.hash)
    assert seen.resources[an_address()].id == "id-of-trainer[0]"
    assert seen.serial == 1


def test_a_checkpoint_holds_everything_and_moves_the_serial_by_one(store, writing):
    with writing() as session:
        head = session.append(a_run(*a_purchase()))
        state = session.checkpoint()
        assert session.state == state
    assert state == store.load()
    assert state.serial == 2
    assert state.head == head


def test_a_checkpoint_without_news_writes_nothing(store, folder, writing):
    with writing() as session:
        session.append(a_purchase())
        session.checkpoint()
    before = (folder / "demo.dev.json").stat()
    with writing() as session:
        assert session.append([]) == session.state.head
        assert session.checkpoint() == session.state
    assert (folder / "demo.dev.json").stat() == before


def test_the_next_checkpoint_includes_what_a_run_that_died_had_journaled(kept, store, writing):
    with writing() as session:
        assert an_address("gateway") in session.state.resources
        state = session.checkpoint()
    assert state.serial == 3
    assert set(state.resources) == {an_address("gateway"), an_address("trainer[0]")}


def test_a_run_can_check_in_more_than_once(store, writing):
    with writing() as session:
        session.append(a_purchase("one"))
        session.checkpoint()
        session.append(a_purchase("two"))
        state = session.checkpoint()
    assert state.serial == 3
    assert store.load() == state


def test_what_a_checkpoint_holds_is_not_told_again_at_the_next(kept, store, writing):
    trainer = an_address()
    with writing() as session:
        session.append([Remembered(trainer, Phase.DELETING), a_release()])
        session.checkpoint()
        session.append(a_purchase("two"))
        state = session.checkpoint()
    assert trainer not in state.resources
    assert store.load() == state


def test_nothing_is_journaled_before_there_is_a_state(store, folder):
    with store.write(command="apply", who="ana", timeout=0) as session, pytest.raises(StoreError) as caught:
        session.append(a_purchase())
    assert code_of(caught) == "state-missing"
    assert not (folder / "demo.dev.journal").exists()


def test_a_first_run_that_begins_between_two_looks_is_no_damage(folder, writing):
    class Interleaved(Disk):
        looks = 0

        def read(self, path):
            found = super().read(path)
            self.looks += 1
            if self.looks == 1:
                with writing() as session:
                    session.append(a_purchase())
                    session.checkpoint()
            return found

    assert folder_store(folder, "demo.dev", disk=Interleaved()).load().serial == 2


def test_readers_never_see_anything_half_done(store, writing):
    with writing():
        pass
    names = [f"trainer[{index}]" for index in range(30)]

    def work():
        for name in names:
            with writing() as session:
                session.append(a_purchase(name))
                session.checkpoint()

    with ThreadPoolExecutor(1) as worker:
        run = worker.submit(work)
        seen = [0]
        while not run.done():
            seen.append(len(store.load().resources))
        run.result()
    assert seen == sorted(seen)
    assert len(store.load().resources) == len(names)


def test_the_state_before_is_kept_and_leads_to_the_same_truth_when_it_is_put_back(store, folder, writing):
    for name in ("one", "two"):
        with writing() as session:
            session.append(a_purchase(name))
            latest = session.checkpoint()
    (folder / "demo.dev.backup").replace(folder / "demo.dev.json")
    restored = store.load()
    assert restored.resources == latest.resources
    assert restored.head == latest.head


def test_workers_append_side_by_side(store, writing):
    names = [f"trainer[{index}]" for index in range(40)]
    with writing() as session, ThreadPoolExecutor(8) as workers:
        list(workers.map(lambda name: session.append(a_purchase(name)), names))
        session.checkpoint()
    assert set(store.load().resources) == {an_address(name) for name in names}


def test_nothing_is_written_after_the_run(writing):
    with writing() as session:
        pass
    with pytest.raises(StoreError) as caught:
        session.append(a_purchase())
    assert code_of(caught) == "journal-not-durable"


def test_an_entry_that_no_file_can_hold_is_refused_before_anything_is_written(store, writing):
    with writing() as session:
        with pytest.raises(StoreError) as caught:
            session.append([*a_purchase(), RunStarted("run", "apply", "an\udcff", "0.1.0")])
        assert code_of(caught) == "entry-unwritable"
        session.append(a_purchase("gateway"))
    assert set(store.load().resources) == {an_address("gateway")}


def test_a_state_that_would_contradict_itself_is_not_written(folder, writing):
    with writing() as session:
        before = (folder / "demo.dev.json").read_bytes()
        session.append([Remembered(an_address("ghost"), Phase.READY, id="id-1")])
        with pytest.raises(StoreError) as caught:
            session.checkpoint()
    assert code_of(caught) == "state-invalid"
    assert "ghost" in str(caught.value)
    assert (folder / "demo.dev.json").read_bytes() == before


def test_the_history_tells_who_did_what_and_when_in_order(kept, store):
    history = list(store.history())
    assert [record.sequence for record in history] == list(range(1, 10))
    assert history[0].entry == Created("demo", "dev", IDENTITY)
    assert history[1].entry == a_run(plan="plan-1")[0]
    assert tuple(record.entry for record in history[6:]) == a_purchase("gateway")
    assert all(record.time > 1_700_000_000_000 for record in history)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_nobody_else_can_read_the_files_whatever_the_umask(folder, writing, umask):
    before = os.umask(umask)
    try:
        with writing() as session:
            session.append(a_purchase())
            session.checkpoint()
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    kept = {path.name for path in folder.iterdir()}
    assert {Path(name).suffix for name in kept - {".gitignore"}} == {".json", ".journal", ".backup", ".lock"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


@pytest.mark.parametrize("mode", [0o777, 0o770])
def test_a_folder_that_others_can_change_is_warned_about(store, folder, mode):
    folder.mkdir()
    folder.chmod(mode)
    (finding,) = store.warnings
    assert finding.code == "store-folder-open"
    assert "can be changed by other users" in finding.summary
    assert f"chmod 700 {folder}" in finding.hint


def test_a_folder_as_git_clones_it_is_not_warned_about(store, folder):
    folder.mkdir()
    folder.chmod(0o755)
    assert store.warnings == ()


def test_a_missing_parent_folder_is_made_too(tmp_path, writing):
    deep = tmp_path / "team" / "stack" / "state"
    with writing(open_store(deep, "demo.dev")):
        pass
    assert deep.is_dir()
