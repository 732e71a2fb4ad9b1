"""Fixtures that run the same suite on every store. A new store is one line in STORES."""

from __future__ import annotations

import os
from contextlib import contextmanager
from functools import partial

import pytest
from support.builders import IDENTITY
from support.memory_backend import Place, shared_store
from support.postgres_server import ASKED
from support.postgres_stores import close_backends, postgres_opener

from provisioner.store import StateStore
from provisioner.store.contract import JOURNAL, DamagedParts
from provisioner.store.folder import FolderStore
from provisioner.store.words import LockHolder

STORES = {
    "folder": lambda folder: partial(FolderStore, folder / "state"),
    "memory": lambda _folder: partial(shared_store, Place()),
}
if os.environ.get(ASKED):
    STORES["postgres"] = postgres_opener
"""By name of the store: a function from an empty folder to an opener, which opens the store of a label at that place."""
HOLDER = LockHolder(who="ana@laptop", pid=1, host="laptop", command="apply", since=1_700_000_000_000, id="ab12")


@pytest.fixture(params=STORES)
def opened(request, tmp_path):
    yield STORES[request.param](tmp_path)
    close_backends()


@pytest.fixture
def store(opened):
    return opened("demo.dev")


@pytest.fixture
def holding(store):
    """Takes the lock of a store (default: `store`), for HOLDER or another holder, as a run would."""

    @contextmanager
    def hold(of=store, holder=HOLDER):
        with of.lock(holder, timeout=0) as held:
            yield held

    return hold


@pytest.fixture
def writing():
    """Opens a run's session with a store, and creates the state if there is none."""

    @contextmanager
    def write(store):
        environment = store.words.label.partition(".")[2] or None
        with StateStore(store).write(command="apply", who="ana@laptop", timeout=0) as session:
            if session.state is None:
                session.create("demo", environment, identity=IDENTITY)
            yield session

    return write


def parts_of(held):
    """What a repair finds in a store whose lock is held."""
    blobs = [held.checkpoint(age) for age in (0, 1)]
    state, backup = (None if blob is None else blob.data for blob in blobs)
    return DamagedParts(state, backup, b"".join(held.log(JOURNAL).read()))
