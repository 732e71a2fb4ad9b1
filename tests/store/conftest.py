from __future__ import annotations

from contextlib import contextmanager

import pytest
from support.builders import IDENTITY

from provisioner.store import open_store


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "state"


@pytest.fixture
def store(folder):
    return open_store(folder, "demo.dev")


@pytest.fixture
def writing(store):
    """A run's time with the store; it creates the state when there is none."""

    @contextmanager
    def write(store=store):
        with store.write(command="apply", who="ana@laptop", timeout=0) as session:
            if session.state is None:
                session.create("demo", "dev", identity=IDENTITY)
            yield session

    return write


@pytest.fixture
def kept(folder, writing):
    """A store after one run that bought one server and one that bought another and did not reach its checkpoint."""
    from support.builders import a_purchase, a_run

    with writing() as session:
        session.append(a_run(*a_purchase("trainer[0]"), plan="plan-1"))
        session.checkpoint()
    with writing() as session:
        session.append(a_purchase("gateway"))
    return folder
