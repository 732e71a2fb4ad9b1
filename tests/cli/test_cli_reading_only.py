"""Commands that look take no lock and write nothing: each is run where every write and every lock fails."""

from __future__ import annotations

import errno
import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.looking_commands import LOOKING
from support.memory_backend import MemoryBackend, MemoryLog, Place

from provisioner.store import StateStore
from provisioner.store.shared_store import SharedStore
from provisioner.workflow import state_places

_CHANGES = frozenset(
    {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate", "os.chmod", "os.link", "os.symlink"}
)
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


class ReadOnlyFolder:
    """Makes a folder read-only for this process, even if root runs it. Refused attempts are noted."""

    def __init__(self) -> None:
        self.folder: Path | None = None
        self.refused: list[str] = []
        sys.addaudithook(self._check)  # it can't be removed, so there is one for all tests

    @contextmanager
    def __call__(self, folder: Path) -> Iterator[list[str]]:
        self.folder, self.refused = folder, []
        try:
            yield self.refused
        finally:
            self.folder = None

    def _check(self, event: str, arguments: tuple) -> None:
        if self.folder is None:
            return
        if event == "fcntl.flock" and arguments[1] & fcntl.LOCK_EX:
            self._refuse(event, "a lock")
        if event in _CHANGES or (event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITING):
            path = os.fsdecode(arguments[0]) if isinstance(arguments[0], str | bytes | os.PathLike) else ""
            if Path(os.path.realpath(path)).is_relative_to(self.folder.resolve()):
                self._refuse(event, path)

    def _refuse(self, event: str, what: str) -> None:
        self.refused.append(f"{event} {what}")
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), what)


@pytest.fixture(scope="session")
def read_only() -> ReadOnlyFolder:
    return ReadOnlyFolder()


class RefusingLog(MemoryLog):
    def append(self, *_arguments, **_options):
        pytest.fail("a command that looks has written")

    close = append


class RefusingBackend(MemoryBackend):
    """What somebody has who may only read."""

    def log(self, label: str, name: str) -> RefusingLog:
        return RefusingLog(self.place, label, name)

    def create_checkpoint(self, *_arguments, **_options):
        pytest.fail("a command that looks has written")

    replace = move = create_checkpoint


@pytest.fixture
def bought(cli, served, point_to):
    """Its cloud is another process, so that this one has nothing to write there."""
    cli.write_stack(stack=f"looked{os.getpid()}")
    point_to(served)
    cli.write_specs("servers: {gateway: {}}\n")
    return cli


@pytest.fixture
def in_folder(bought):
    bought.apply()
    yield bought
    bought.run("destroy", "--auto-approve")


@pytest.fixture
def in_shared_store(bought, monkeypatch):
    """The state is kept in a backend that this test has filled, and that then refuses every write."""
    place, backends = Place(), [MemoryBackend]

    def open_store(_location, label, *, owner=None, warnings=(), **_options):
        return StateStore(SharedStore(backends[-1](place), label, checkpoint_after=0), owner=owner, warnings=warnings)

    monkeypatch.setattr(state_places, "open_store", open_store)
    bought.apply()
    backends.append(RefusingBackend)
    yield bought
    backends.append(MemoryBackend)
    bought.run("destroy", "--auto-approve")


def test_in_a_folder_that_is_read_only(in_folder, read_only) -> None:
    before = in_folder.state_files()
    for arguments in LOOKING:
        with read_only(in_folder.path) as refused:
            ran = in_folder.run(*arguments)
        assert ran.code == 0, (arguments, ran.text)
        assert not [one for one in refused if "/home/" not in one], arguments
    assert in_folder.state_files() == before


def test_in_a_shared_store_that_refuses_every_write(in_shared_store) -> None:
    for arguments in LOOKING:
        ran = in_shared_store.run(*arguments)
        assert ran.code == 0, (arguments, ran.text)


def test_what_makes_the_folder_read_only_does_so(in_folder, read_only) -> None:
    """Otherwise the tests above would prove nothing."""
    in_folder.write_specs("servers: {gateway: {}, second: {}}\n")
    with read_only(in_folder.path) as refused:
        ran = in_folder.run("apply", "--auto-approve")
    assert (ran.code, bool(refused)) == (1, True)
    assert "Error[lock-unusable]" in ran.err
    assert "Traceback" not in ran.text


def test_what_makes_the_shared_store_read_only_does_so(in_shared_store) -> None:
    in_shared_store.write_specs("servers: {gateway: {}, second: {}}\n")
    with pytest.raises(pytest.fail.Exception):
        in_shared_store.run("apply", "--auto-approve")
