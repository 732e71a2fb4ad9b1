"""The lock is gone and nobody told the run: it sends nothing more, and what another has recorded stays as it is."""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import ExitStack

import pytest
from support.builders import IDENTITY, a_purchase, an_address, an_intent
from support.stores import folder_store

from provisioner.disk import Disk
from provisioner.model.diagnostic import StoreError
from provisioner.model.journal import Answered, Intended, Remembered
from provisioner.model.resource import Phase
from provisioner.store import open_store


def intended(address):
    return [Intended(an_intent(address))]


def answered(address):
    return [Answered(f"intent-for-{address}", 200, id=f"id-of-{address}")]


def refuses_to_send(session, code):
    """Now and for good."""
    with pytest.raises(StoreError) as caught:
        session.append(intended("gateway"))
    (finding,) = caught.value.diagnostics
    assert finding.code == code
    assert "Nothing more is sent" in finding.hint
    with pytest.raises(StoreError):
        session.append(intended("gateway"))
    return finding.summary


def removed(lock):
    lock.unlink()


def replaced(lock):
    shutil.copy(lock, lock.with_suffix(".copy"))
    lock.with_suffix(".copy").replace(lock)


@pytest.fixture(params=[removed, replaced])
def lose_lock(request, folder):
    return lambda: request.param(folder / "demo.dev.lock")


def test_without_its_lock_file_a_run_sends_nothing(folder, writing, lose_lock):
    with writing() as session:
        lose_lock()
        said = refuses_to_send(session, "lock-lost")
    assert str(folder / "demo.dev.lock") in said
    assert not (folder / "demo.dev.journal").exists()


def test_what_was_sent_before_is_still_recorded(store, writing, lose_lock):
    """An answer that is not written down is a doubt; nobody gains by that."""
    with writing() as session:
        session.append(intended("trainer[0]"))
        lose_lock()
        session.append(answered("trainer[0]"))
        refuses_to_send(session, "lock-lost")
    assert store.load().resources[an_address()].id == "id-of-trainer[0]"


def test_an_answer_is_not_written_over_what_another_run_has_recorded(folder, store, writing, lose_lock):
    """The second run finds the first one's purchase open, and the first one comes back with its answer."""
    with writing() as first:
        first.append(intended("trainer[0]"))
        lose_lock()
        with writing() as second:
            assert [intent.address for intent in second.state.in_doubt] == [an_address()]
            second.append(a_purchase("gateway"))
            second.checkpoint()
        before = {path.name: path.read_bytes() for path in folder.iterdir()}
        with pytest.raises(StoreError) as caught:
            first.append(answered("trainer[0]"))
        with pytest.raises(StoreError):
            first.checkpoint()
    assert "somebody else has written" in str(caught.value)
    after = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert after.keys() - before.keys() == {"demo.dev.late"}
    assert {name: after[name] for name in before} == before
    assert "demo.dev.late: the next run reads it" in caught.value.diagnostics[0].hint
    assert set(store.load().resources) == {an_address("gateway"), an_address()}
    (folder / "demo.dev.late").unlink()
    assert store.load().open_intent(an_address()) is not None


def test_the_second_run_hears_of_it_when_the_first_one_writes_first(folder, store, writing, lose_lock):
    with ExitStack() as both:
        first = both.enter_context(writing())
        first.append(intended("trainer[0]"))
        lose_lock()
        second = both.enter_context(writing())
        first.append(answered("trainer[0]"))
        with pytest.raises(StoreError) as caught:
            second.append(intended("gateway"))
    assert "somebody else has written" in str(caught.value)
    assert store.load().resources[an_address()].id == "id-of-trainer[0]"


@pytest.mark.parametrize("how", ["rewritten", "replaced", "removed"])
def test_a_state_that_was_changed_behind_a_run_stops_it_before_it_sends(kept, writing, how):
    state = kept / "demo.dev.json"
    with writing() as session:
        session.append(a_purchase("one"))
        match how:
            case "rewritten":
                state.write_bytes((kept / "demo.dev.backup").read_bytes())
            case "replaced":
                shutil.copy(kept / "demo.dev.backup", kept / "copy")
                (kept / "copy").replace(state)
            case "removed":
                state.unlink()
        said = refuses_to_send(session, "state-moved")
    assert "left as it is" in said


def test_a_state_that_was_only_touched_is_still_ours(kept, writing):
    with writing() as session:
        session.append(a_purchase("one"))
        data = (kept / "demo.dev.json").read_bytes()
        (kept / "copy").write_bytes(data)
        (kept / "copy").replace(kept / "demo.dev.json")
        session.append(a_purchase("two"))
        session.checkpoint()


class Unanswering(Disk):
    """Once `silent` is set it says nothing of the files that end in it, as a file server does that has lost them."""

    silent = ""

    def __init__(self, error_number):
        self._error_number = error_number

    def size_if_named(self, descriptor, path):
        self._answer_for(path)
        return super().size_if_named(descriptor, path)

    def stamp(self, path):
        self._answer_for(path)
        return super().stamp(path)

    def _answer_for(self, path):
        if path.suffix == self.silent:
            raise OSError(self._error_number, os.strerror(self._error_number))


@pytest.mark.parametrize("error_number", [errno.ESTALE, errno.EACCES, errno.EIO])
@pytest.mark.parametrize(("silent", "code"), [(".lock", "lock-lost"), (".json", "state-moved")])
def test_a_run_that_cannot_look_sends_nothing_and_still_records(folder, store, writing, silent, code, error_number):
    disk = Unanswering(error_number)
    with writing(folder_store(folder, "demo.dev", disk=disk)) as session:
        session.append(intended("trainer[0]"))
        disk.silent = silent
        said = refuses_to_send(session, code)
        session.append(answered("trainer[0]"))
        disk.silent = ""
        refuses_to_send(session, code)
        session.checkpoint()
    assert os.strerror(error_number) in said
    assert f"demo.dev{silent}" in said
    assert store.load().resources[an_address()].id == "id-of-trainer[0]"


def test_a_state_is_read_again_only_when_it_was_touched(folder, writing):
    class Counting(Disk):
        reads = 0

        def read(self, path):
            self.reads += path.suffix == ".json"
            return super().read(path)

    with writing():
        pass
    disk = Counting()
    with folder_store(folder, "demo.dev", disk=disk).write(command="apply", who="ana", timeout=0) as session:
        session.append(a_purchase("one"))
        before = disk.reads
        for number in range(10):
            session.append(a_purchase(f"more-{number}"))
        assert disk.reads == before


@pytest.mark.parametrize("meet", ["before", "after"])
def test_two_that_write_at_the_same_moment_both_hear_of_it(folder, writing, meet):
    """Both have looked before either writes. What they leave is damage, and nothing is bought on it."""
    line = b'{"somebody":"else"}\n'

    class Meeting(Disk):
        armed = False

        def write(self, descriptor, data):
            if self.armed and meet == "before":
                self._meet()
            written = super().write(descriptor, data)
            if self.armed and meet == "after":
                self._meet()
            return written

        def _meet(self):
            self.armed = False
            with (folder / "demo.dev.journal").open("ab") as journal:
                journal.write(line)

    with writing():
        pass
    disk = Meeting()
    with folder_store(folder, "demo.dev", disk=disk).write(command="apply", who="ana", timeout=0) as session:
        session.append(a_purchase("one"))
        disk.armed = True
        with pytest.raises(StoreError) as caught:
            session.append(intended("two"))
    assert "somebody else has written" in str(caught.value)
    with pytest.raises(StoreError), writing():
        pytest.fail("a run began on a damaged journal")


def test_of_two_first_runs_one_buys(folder, store, lose_lock):
    """Each could invent a lineage of its own."""
    with ExitStack() as both:
        first = both.enter_context(store.write(command="apply", who="ana", timeout=0))
        lose_lock()
        second = both.enter_context(open_store(folder, "demo.dev").write(command="apply", who="bob", timeout=0))
        second.create("demo", "dev", identity=IDENTITY)
        with pytest.raises(StoreError):
            first.create("demo", "dev", identity=IDENTITY)
        second.append(a_purchase())
    assert set(store.load().resources) == {an_address()}


def test_a_build_is_followed_to_its_end_without_the_lock(store, writing, lose_lock):
    with writing() as session:
        session.append(a_purchase())
        lose_lock()
        session.append([Remembered(an_address(), Phase.FAILED)])
        session.checkpoint()
    assert store.load().resources[an_address()].phase is Phase.FAILED
