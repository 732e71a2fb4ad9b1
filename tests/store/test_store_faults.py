"""A disk that fails is never taken for success, and what was confirmed before is never lost."""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import suppress

import pytest
from support.builders import IDENTITY, a_purchase, a_release, a_run, an_address
from support.disks import FailingDisk, FullDisk, NumberedDisk
from support.stores import folder_store

from provisioner.disk import Disk
from provisioner.model.diagnostic import StoreError
from provisioner.model.resource import Phase
from provisioner.store.folder.reserve import SIZE

pytestmark = pytest.mark.crash_part("disk")


def a_whole_run(store, confirmed=None, names=("one", "two")):
    confirmed = [] if confirmed is None else confirmed
    with store.write(command="apply", who="ana", timeout=0) as session:
        if session.state is None:
            session.create("demo", "dev", identity=IDENTITY)
        for name in names:
            session.append(a_purchase(name))
            confirmed.append(an_address(name))
        session.checkpoint()


def steps_of_a_run(folder):
    disk = NumberedDisk()
    a_whole_run(folder_store(folder, "demo.dev", disk=disk))
    return disk.steps


def require_next_run_goes_on(folder):
    """The disk is mended: what was left behind is no hindrance."""
    a_whole_run(folder_store(folder, "demo.dev"), names=("three",))
    assert an_address("three") in folder_store(folder, "demo.dev").load().resources


FAILURES = [
    *((error_number, False) for error_number in (errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT, errno.EACCES)),
    *((error_number, True) for error_number in (errno.ENOSPC, errno.EIO)),
]


@pytest.mark.parametrize(("error_number", "for_good"), FAILURES)
def test_whichever_operation_fails_the_run_says_so_and_keeps_what_it_confirmed(
    tmp_path, counters, error_number, for_good
):
    steps = steps_of_a_run(tmp_path / "counted")
    assert steps[-1] == "remove", "the last is the space that was set aside, and whether it goes does not matter"
    counters.points = len(steps) - 1
    for step in range(1, len(steps)):
        counters.runs += 2
        folder = tmp_path / f"at-{step}"
        confirmed = []
        with pytest.raises(StoreError) as caught:
            a_whole_run(
                folder_store(folder, "demo.dev", disk=FailingDisk(step, error_number, for_good=for_good)), confirmed
            )
        (finding,) = caught.value.diagnostics
        assert os.strerror(error_number) in finding.summary
        assert str(folder) in finding.summary
        assert finding.hint
        state = folder_store(folder, "demo.dev").load()
        assert set(confirmed) <= set(state.resources if state else ())
        require_next_run_goes_on(folder)
        shutil.rmtree(folder, ignore_errors=True)


class Vandal(NumberedDisk):
    """Does something to the folder right before operation `at`."""

    def __init__(self, at, act):
        super().__init__()
        self._at = at
        self._act = act

    def before_operation(self, operation):
        super().before_operation(operation)
        if len(self.steps) == self._at:
            self._act()


def replace_by_copy(path):
    if path.exists():
        shutil.copy(path, path.with_name("copy"))
        path.with_name("copy").replace(path)


@pytest.mark.parametrize("name", ["demo.dev.journal", "demo.dev.json", "demo.dev.backup"])
def test_a_file_replaced_before_any_operation_makes_nobody_confirm_what_is_not_there(tmp_path, counters, name):
    counters.points = len(steps_of_a_run(tmp_path / "counted"))
    for step in range(1, counters.points + 1):
        counters.runs += 2
        folder = tmp_path / f"at-{step}"
        confirmed = []
        with suppress(StoreError):
            disk = Vandal(step, lambda path=folder / name: replace_by_copy(path))
            a_whole_run(folder_store(folder, "demo.dev", disk=disk), confirmed)
        state = folder_store(folder, "demo.dev").load()
        assert set(confirmed) <= set(state.resources if state else ())
        require_next_run_goes_on(folder)


def test_a_folder_removed_before_any_operation_is_never_taken_for_success(tmp_path, counters):
    steps = steps_of_a_run(tmp_path / "counted")
    for step in range(steps.index("open .lock") + 1, len(steps)):
        counters.points += 1
        counters.runs += 1
        folder = tmp_path / f"at-{step}"
        disk = Vandal(step, lambda folder=folder: shutil.rmtree(folder, ignore_errors=True))
        with pytest.raises(StoreError) as caught:
            a_whole_run(folder_store(folder, "demo.dev", disk=disk))
        assert str(folder) in str(caught.value)


@pytest.mark.parametrize("error_number", [errno.ENOSPC, errno.EDQUOT], ids=errno.errorcode.get)
def test_what_was_sent_can_be_recorded_on_a_disk_that_has_filled_up(folder, store, error_number):
    disk = FullDisk(error_number)
    intended, answered, remembered = a_purchase("one")
    with folder_store(folder, "demo.dev", disk=disk).write(command="apply", who="ana", timeout=0) as session:
        session.create("demo", "dev", identity=IDENTITY)
        session.append([intended])
        assert (folder / "demo.dev.reserve").stat().st_size == SIZE
        disk.fill_up()
        session.append([answered])
        session.append([remembered])
    assert store.load().resources[an_address("one")].phase is Phase.READY
    assert not (folder / "demo.dev.reserve").exists()


def test_space_set_aside_for_answers_is_never_used_to_send_more(folder, store):
    disk = FullDisk()
    intended, answered, remembered = a_purchase("one")
    with folder_store(folder, "demo.dev", disk=disk).write(command="apply", who="ana", timeout=0) as session:
        session.create("demo", "dev", identity=IDENTITY)
        session.append([intended])
        disk.fill_up()
        with pytest.raises(StoreError) as caught:
            session.append([answered, a_purchase("two")[0]])
        assert caught.value.diagnostics[0].code == "journal-full"
        assert (folder / "demo.dev.reserve").exists()
        session.append([answered, remembered])
    assert set(store.load().resources) == {an_address("one")}
    assert not store.load().intents


def test_where_no_space_can_be_set_aside_nothing_is_sent(folder, store):
    disk = FullDisk()
    with folder_store(folder, "demo.dev", disk=disk).write(command="apply", who="ana", timeout=0) as session:
        session.create("demo", "dev", identity=IDENTITY)
        session.append(a_run())
        disk.fill_up()
        with pytest.raises(StoreError) as caught:
            session.append([a_purchase("one")[0]])
    (finding,) = caught.value.diagnostics
    assert finding.code == "journal-full"
    assert "nothing was sent" in finding.hint
    assert not store.load().intents
    assert not (folder / "demo.dev.reserve").exists()


def test_an_fsync_that_fails_is_final_even_for_lack_of_space(folder, writing):
    with writing():
        pass
    disk = FailingDisk(5, errno.ENOSPC, operation="sync")  # after the journal, the space, and the folder for each
    with folder_store(folder, "demo.dev", disk=disk).write(command="apply", who="ana", timeout=0) as session:
        for _ in range(2):
            with pytest.raises(StoreError) as caught:
                session.append(a_purchase())
            assert caught.value.diagnostics[0].code == "journal-not-durable"


def test_space_is_set_aside_where_the_system_has_no_call_for_it(folder, writing, monkeypatch):
    monkeypatch.delattr(os, "posix_fallocate")
    with writing() as session:
        session.append(a_purchase())
        assert (folder / "demo.dev.reserve").stat().st_size == SIZE


def test_space_that_a_dead_run_had_set_aside_is_taken_over(folder, store, writing):
    folder.mkdir()
    (folder / "demo.dev.reserve").write_bytes(b"")
    assert store.load() is None
    with writing() as session:
        session.append(a_purchase())
        assert (folder / "demo.dev.reserve").stat().st_size == SIZE
    assert not (folder / "demo.dev.reserve").exists()


@pytest.mark.parametrize("failing", ["write", "sync", "open .journal"])
def test_a_journal_that_failed_once_is_closed_for_the_rest_of_the_run(folder, writing, failing):
    with writing():
        pass
    disk = FailingDisk(2 if failing == "write" else 1, errno.EIO, operation=failing)  # the first write is the lock's
    with folder_store(folder, "demo.dev", disk=disk).write(command="apply", who="ana", timeout=0) as session:
        for _ in range(3):
            with pytest.raises(StoreError) as caught:
                session.append(a_purchase())
            assert caught.value.diagnostics[0].code == "journal-not-durable"
            assert os.strerror(errno.EIO) in str(caught.value)
            assert str(folder / "demo.dev.journal") in str(caught.value)
        with pytest.raises(StoreError):
            session.checkpoint()
    with writing() as session:
        session.append(a_purchase("later"))
        session.checkpoint()


class NibblingDisk(Disk):
    """Takes seven bytes at a time."""

    def write(self, descriptor, data):
        return super().write(descriptor, data[:7])


def test_short_writes_are_carried_on(folder, store):
    a_whole_run(folder_store(folder, "demo.dev", disk=NibblingDisk()))
    assert len(store.load().resources) == 2


class LyingDisk(Disk):
    def write(self, descriptor, data):
        super().write(descriptor, data.replace(b"serial", b"cereal"))
        return len(data)


def test_a_disk_that_keeps_something_else_is_found_out(folder):
    with pytest.raises(StoreError) as caught:
        a_whole_run(folder_store(folder, "demo.dev", disk=LyingDisk()))
    assert "reads back differently" in str(caught.value)


def test_a_batch_costs_one_write_and_one_sync(folder, writing):
    with writing() as session:
        session.append(a_run())
    disk = NumberedDisk()
    with folder_store(folder, "demo.dev", disk=disk).write(command="apply", who="ana", timeout=0) as session:
        session.append(a_purchase("one"))
        disk.steps.clear()
        session.append([*a_purchase("two"), *a_purchase("three"), *a_purchase("four")])
        assert disk.steps == ["write", "sync"]


def test_the_folder_may_not_vanish_under_a_run(folder, writing):
    with writing() as session:
        session.append(a_purchase("one"))
        shutil.rmtree(folder)
        with pytest.raises(StoreError) as caught:
            session.append(a_purchase("two"))
    assert "moved or removed" in str(caught.value)


def test_a_journal_that_was_replaced_under_a_run_is_not_written_to(folder, writing):
    with writing() as session:
        session.append(a_purchase("one"))
        shutil.copy(folder / "demo.dev.journal", folder / "copy")
        (folder / "copy").replace(folder / "demo.dev.journal")
        with pytest.raises(StoreError) as caught:
            session.append(a_purchase("two"))
    assert "moved or removed" in str(caught.value)


def test_a_second_writer_that_got_round_the_lock_stops_both_from_hiding_the_other(folder, writing, store):
    with writing() as first:
        first.append(a_purchase("one"))
        (folder / "demo.dev.lock").unlink()
        with writing() as second:
            second.append(a_purchase("two"))
            second.checkpoint()
        with pytest.raises(StoreError) as caught:
            first.append([a_release("one")])
    assert "somebody else has written" in str(caught.value)
    assert set(store.load().resources) == {an_address("one"), an_address("two")}


def test_a_state_that_was_changed_under_a_run_is_left_as_it_is(folder, writing, kept):
    with writing() as session:
        session.append(a_purchase("more"))
        (folder / "demo.dev.json").write_bytes((folder / "demo.dev.backup").read_bytes())
        with pytest.raises(StoreError) as caught:
            session.checkpoint()
    assert caught.value.diagnostics[0].code == "state-not-written"
    assert (folder / "demo.dev.json").read_bytes() == (folder / "demo.dev.backup").read_bytes()


def test_a_temporary_file_of_a_run_that_died_is_no_hindrance(folder, writing, store):
    folder.mkdir()
    (folder / ".demo.dev.json.new").symlink_to(folder / "victim")
    with writing() as session:
        session.append(a_purchase())
        session.checkpoint()
    assert not (folder / "victim").exists()
    assert not (folder / ".demo.dev.json.new").exists()
    assert len(store.load().resources) == 1


def test_an_interrupted_write_ends_the_session(folder, writing):
    class Interrupted(Disk):
        def sync(self, descriptor):
            raise KeyboardInterrupt

    with writing():
        pass
    with folder_store(folder, "demo.dev", disk=Interrupted()).write(command="apply", who="ana", timeout=0) as session:
        with pytest.raises(KeyboardInterrupt):
            session.append(a_purchase())
        with pytest.raises(StoreError) as caught:
            session.append(a_purchase())
    assert "interrupted" in str(caught.value)


def test_a_state_is_never_ahead_of_what_is_durable_of_its_journal(kept):
    """What an earlier run left in the journal may be in the system's memory only."""
    disk = NumberedDisk()
    with folder_store(kept, "demo.dev", disk=disk).write(command="apply", who="ana", timeout=0) as session:
        disk.steps.clear()
        session.checkpoint()
    assert disk.steps[:3] == ["open .journal", "sync", "sync_folder"]
    assert disk.steps.index("rename") > 3
