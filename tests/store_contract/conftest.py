"""Every store goes through the same suite: a new one is one line in STORES."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial

import pytest
from support.builders import IDENTITY
from support.memory_store import MemoryStore, Place

from provisioner.store import StateStore
from provisioner.store.contract import LockHolder
from provisioner.store.folder import FolderStore

STORES = {
    "folder": lambda folder: partial(FolderStore, folder / "state"),
    "memory": lambda _folder: partial(MemoryStore, Place()),
}
"""By name: from an empty folder to what opens the store of a label, always at the same place."""
HOLDER = LockHolder(who="ana@laptop", pid=1, host="laptop", command="apply", since=1_700_000_000_000, id="ab12")


@pytest.fixture(params=STORES)
def opened(request, tmp_path):
    return STORES[request.param](tmp_path)


@pytest.fixture
def store(opened):
    return opened("demo.dev")


@pytest.fixture
def holding(store):
    """The store's lock, by whom it is held, as a run would take it."""

    @contextmanager
    def hold(of=store, holder=HOLDER):
        with of.lock(holder, timeout=0) as held:
            yield held

    return hold


@pytest.fixture
def writing():
    """A run's time with a store; it creates the state when there is none."""

    @contextmanager
    def write(store):
        environment = store.words.label.partition(".")[2] or None
        with StateStore(store).write(command="apply", who="ana@laptop", timeout=0) as session:
            if session.state is None:
                session.create("demo", environment, identity=IDENTITY)
            yield session

    return write
